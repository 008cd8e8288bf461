// Text as a person sees it: without the characters that show nothing or turn the order of what they show. They serve
// to hide words from the reader, or to hide words for an agent.

/** Zero-width and other invisible format characters, bidirectional controls, tag characters, C0 and C1 controls. */
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
  /[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5/gu;
/** Joiners are spelling between letters (Persian, Hindi) and inside emoji, and padding anywhere else. */
const LONE_JOINER =
  /(?<![\p{L}\p{M}\p{Extended_Pictographic}])[\u200c\u200d]+|[\u200c\u200d]+(?![\p{L}\p{M}\p{Extended_Pictographic}])/gu;

/** `text` with LF line ends, without invisible characters, well-formed. */
export function visibleText(text: string): string {
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return lines.replace(INVISIBLE, '').replace(LONE_JOINER, '').toWellFormed();
}
