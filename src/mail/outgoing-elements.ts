// Which elements of HTML that leaves may stay, which go with all that they hold, and which fetch or run something.

/** What may stay of an element; the text of any other stays without it. */
export const ALLOWED = new Set([
  ...['a', 'abbr', 'address', 'b', 'big', 'blockquote', 'br', 'caption', 'center', 'cite', 'code', 'col'],
  ...['colgroup', 'dd', 'del', 'dfn', 'div', 'dl', 'dt', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i'],
  ...[
    'ins',
    'kbd',
    'li',
    'mark',
    'ol',
    'p',
    'pre',
    'q',
    's',
    'samp',
    'section',
    'article',
    'header',
    'footer',
  ],
  ...[
    'small',
    'span',
    'strike',
    'strong',
    'sub',
    'sup',
    'table',
    'tbody',
    'td',
    'tfoot',
    'th',
    'thead',
    'tr',
  ],
  ...['tt', 'u', 'ul', 'var'],
]);
export const VOID = new Set(['br', 'hr', 'col']);
/** These go with all that they hold. */
export const DROPPED = new Set([
  ...['script', 'style', 'title', 'head', 'xml', 'template', 'noscript', 'object', 'svg', 'iframe', 'math'],
  ...['noembed', 'noframes', 'datalist', 'audio', 'video', 'canvas', 'select', 'textarea', 'applet'],
]);
/** Their tags alone hold nothing. */
export const EMPTY = new Set([
  'area',
  'base',
  'embed',
  'img',
  'input',
  'link',
  'meta',
  'source',
  'track',
  'wbr',
  'frame',
]);
export const FETCHING = new Set([
  ...['img', 'image', 'link', 'iframe', 'frame', 'video', 'audio', 'source', 'track', 'picture', 'object'],
  ...['embed', 'base', 'svg', 'applet'],
]);
export const ACTIVE = new Set([
  'script',
  'form',
  'button',
  'input',
  'select',
  'textarea',
  'meta',
  'math',
  'dialog',
]);
/** They stand on a line of their own. */
export const BREAKING = new Set([
  ...[
    'br',
    'p',
    'div',
    'li',
    'tr',
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'blockquote',
    'pre',
    'table',
    'td',
    'th',
  ],
]);
