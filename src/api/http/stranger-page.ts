// The page that people see who have only a link: who leaves a list, whose file is gone, who comes back from a provider's
// consent. It is whole in itself: nothing is fetched and nothing runs.
import { createHash } from 'node:crypto';

const STYLE =
  'body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em;color:#1a1a1a;background:#fff}' +
  'button{font:inherit;padding:.6em 1.2em;margin:.3em 0;border:2px solid #1a4f8b;border-radius:.3em;background:#1a4f8b;color:#fff}' +
  'button.second{background:#fff;color:#1a4f8b}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}' +
  'button{border-color:#8ab8f0;background:#8ab8f0;color:#111}button.second{background:#161616;color:#8ab8f0}}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** For Content-Security-Policy: its own style, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`;

/**
 * @param language of the words, as BCP 47 says
 * @param title plain text
 * @param body HTML: texts of others have gone through `escaped`
 */
export const strangerPage = (language: string, title: string, body: string): string =>
  `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
  `<meta name="robots" content="noindex"><title>${escaped(title)}</title><style>${STYLE}</style></head>` +
  `<body><main><h1>${escaped(title)}</h1>${body}</main></body></html>\n`;

export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
