// The one door of juice: the CSS of a page goes into its elements, for mail programs that read no style sheet. Media queries
// stay, for small screens and dark mode. This build of it reads no file and asks no network. It costs 100 ms to load, and is
// loaded with the first template that has a style sheet.
let inliner: Promise<(html: string) => string> | null = null;

export function cssInliner(): Promise<(html: string) => string> {
  inliner ??= import('juice/client').then(({ default: juice }) => {
    // What looks like a tag of a template would be hidden from it, and hide what stands between two of them.
    for (const name of Object.keys(juice.codeBlocks)) delete juice.codeBlocks[name];
    return (html) =>
      juice(html, {
        applyWidthAttributes: false, // `width` says what Outlook needs already
        applyHeightAttributes: false,
        preserveMediaQueries: true,
        preservedSelectors: ['[data-ogsc]', '[data-ogsb]'], // Outlook.com's dark mode
      });
  });
  return inliner;
}
