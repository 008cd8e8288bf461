// Colours as style sheets write them (CSS Color 4), read so that text can be held against what lies behind it.

/** Red, green and blue from 0 to 255, and how much of it is seen, from 0 to 1. */
export interface Color {
  red: number;
  green: number;
  blue: number;
  alpha: number;
}

export const WHITE: Color = { red: 255, green: 255, blue: 255, alpha: 1 };
export const BLACK: Color = { red: 0, green: 0, blue: 0, alpha: 1 };
/** What browsers give a link that says nothing of its own. */
export const LINK_BLUE: Color = { red: 0, green: 0, blue: 238, alpha: 1 };

const NEAR = 24; // of 255 in every channel: #eee on white is not read, #ddd is, if with pains
const FAINTEST_ALPHA = 0.1;
const MAX_COLOR_CHARS = 100;

/** Null where it is no colour that can be told: a variable, a mixture, a word of later standards. */
export function readColor(written: string): Color | null {
  const value = written.trim().toLowerCase();
  if (value.length > MAX_COLOR_CHARS) return null;
  if (value === 'transparent') return { ...BLACK, alpha: 0 };
  // What programs show that are not in their dark mode.
  if (value.startsWith('light-dark('))
    return readColor(value.slice('light-dark('.length, -1).split(/,(?![^()]*\))/)[0] ?? '');
  const named = NAMES.get(value);
  if (named !== undefined) return hexColor(named);
  if (value.startsWith('#')) return hexColor(value.slice(1));
  const call = /^(rgb|hsl)a?\(([^()]*)\)$/.exec(value);
  if (!call) return null;
  const numbers = (call[2] ?? '').split(/[\s,/]+/).filter((word) => word !== '');
  return call[1] === 'rgb' ? rgbColor(numbers) : hslColor(numbers);
}

/** The colours that a gradient or another function of colours names. */
export function colorsIn(value: string): (Color | null)[] {
  const words = value.toLowerCase().match(/#[\da-f]{3,8}\b|(?:rgb|hsl)a?\([^()]*\)|[a-z]+(?![a-z(-])/g) ?? [];
  return words.map(readColor).filter((color, at) => color !== null || words[at]?.startsWith('#'));
}

/** What is seen of `above` where `below` shines through. */
export function blend(above: Color, below: Color): Color {
  const mix = (a: number, b: number): number => a * above.alpha + b * (1 - above.alpha);
  return {
    red: mix(above.red, below.red),
    green: mix(above.green, below.green),
    blue: mix(above.blue, below.blue),
    alpha: 1,
  };
}

/** Whether text of this colour cannot be read on this background. */
export function isUnseen(text: Color, background: Color): boolean {
  return text.alpha < FAINTEST_ALPHA || isNear(blend(text, background), background);
}

export function isNear(one: Color, other: Color): boolean {
  const { abs } = Math;
  return (
    abs(one.red - other.red) <= NEAR &&
    abs(one.green - other.green) <= NEAR &&
    abs(one.blue - other.blue) <= NEAR
  );
}

function hexColor(digits: string): Color | null {
  if (!/^(?:[\da-f]{3,4}|[\da-f]{6}|[\da-f]{8})$/.test(digits)) return null;
  const long = digits.length < 6 ? digits.replace(/./g, '$&$&') : digits;
  const at = (index: number): number => Number.parseInt(long.slice(index, index + 2), 16);
  return { red: at(0), green: at(2), blue: at(4), alpha: long.length === 8 ? at(6) / 255 : 1 };
}

function rgbColor(words: readonly string[]): Color | null {
  const [red, green, blue] = words.slice(0, 3).map((word) => amount(word, 255));
  const alpha = amount(words[3] ?? '1', 1);
  if (red === undefined || green === undefined || blue === undefined) return null;
  if ([red, green, blue, alpha].some(Number.isNaN)) return null;
  return { red, green, blue, alpha };
}

function hslColor(words: readonly string[]): Color | null {
  const hue = Number.parseFloat(words[0] ?? '');
  const saturation = amount(words[1] ?? '', 1);
  const light = amount(words[2] ?? '', 1);
  const alpha = amount(words[3] ?? '1', 1);
  if ([hue, saturation, light, alpha].some(Number.isNaN)) return null;
  const part = (offset: number): number => {
    const turn = (offset + hue / 30) % 12;
    const swing = saturation * Math.min(light, 1 - light);
    return 255 * (light - swing * Math.max(-1, Math.min(turn - 3, 9 - turn, 1)));
  };
  return { red: part(0), green: part(8), blue: part(4), alpha };
}

/** A number or a percentage of `whole`, within its bounds; NaN where it is none. */
function amount(word: string, whole: number): number {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?%?$/.test(word)) return Number.NaN;
  const number = Number.parseFloat(word);
  return Math.min(whole, Math.max(0, word.endsWith('%') ? (number / 100) * whole : number));
}

const NAMES = new Map(
  (
    'aliceblue:f0f8ff antiquewhite:faebd7 aqua:00ffff aquamarine:7fffd4 azure:f0ffff beige:f5f5dc bisque:ffe4c4 ' +
    'black:000000 blanchedalmond:ffebcd blue:0000ff blueviolet:8a2be2 brown:a52a2a burlywood:deb887 cadetblue:5f9ea0 ' +
    'chartreuse:7fff00 chocolate:d2691e coral:ff7f50 cornflowerblue:6495ed cornsilk:fff8dc crimson:dc143c cyan:00ffff ' +
    'darkblue:00008b darkcyan:008b8b darkgoldenrod:b8860b darkgray:a9a9a9 darkgreen:006400 darkgrey:a9a9a9 ' +
    'darkkhaki:bdb76b darkmagenta:8b008b darkolivegreen:556b2f darkorange:ff8c00 darkorchid:9932cc darkred:8b0000 ' +
    'darksalmon:e9967a darkseagreen:8fbc8f darkslateblue:483d8b darkslategray:2f4f4f darkslategrey:2f4f4f ' +
    'darkturquoise:00ced1 darkviolet:9400d3 deeppink:ff1493 deepskyblue:00bfff dimgray:696969 dimgrey:696969 ' +
    'dodgerblue:1e90ff firebrick:b22222 floralwhite:fffaf0 forestgreen:228b22 fuchsia:ff00ff gainsboro:dcdcdc ' +
    'ghostwhite:f8f8ff gold:ffd700 goldenrod:daa520 gray:808080 green:008000 greenyellow:adff2f grey:808080 ' +
    'honeydew:f0fff0 hotpink:ff69b4 indianred:cd5c5c indigo:4b0082 ivory:fffff0 khaki:f0e68c lavender:e6e6fa ' +
    'lavenderblush:fff0f5 lawngreen:7cfc00 lemonchiffon:fffacd lightblue:add8e6 lightcoral:f08080 lightcyan:e0ffff ' +
    'lightgoldenrodyellow:fafad2 lightgray:d3d3d3 lightgreen:90ee90 lightgrey:d3d3d3 lightpink:ffb6c1 ' +
    'lightsalmon:ffa07a lightseagreen:20b2aa lightskyblue:87cefa lightslategray:778899 lightslategrey:778899 ' +
    'lightsteelblue:b0c4de lightyellow:ffffe0 lime:00ff00 limegreen:32cd32 linen:faf0e6 magenta:ff00ff maroon:800000 ' +
    'mediumaquamarine:66cdaa mediumblue:0000cd mediumorchid:ba55d3 mediumpurple:9370db mediumseagreen:3cb371 ' +
    'mediumslateblue:7b68ee mediumspringgreen:00fa9a mediumturquoise:48d1cc mediumvioletred:c71585 ' +
    'midnightblue:191970 mintcream:f5fffa mistyrose:ffe4e1 moccasin:ffe4b5 navajowhite:ffdead navy:000080 ' +
    'oldlace:fdf5e6 olive:808000 olivedrab:6b8e23 orange:ffa500 orangered:ff4500 orchid:da70d6 palegoldenrod:eee8aa ' +
    'palegreen:98fb98 paleturquoise:afeeee palevioletred:db7093 papayawhip:ffefd5 peachpuff:ffdab9 peru:cd853f ' +
    'pink:ffc0cb plum:dda0dd powderblue:b0e0e6 purple:800080 rebeccapurple:663399 red:ff0000 rosybrown:bc8f8f ' +
    'royalblue:4169e1 saddlebrown:8b4513 salmon:fa8072 sandybrown:f4a460 seagreen:2e8b57 seashell:fff5ee ' +
    'sienna:a0522d silver:c0c0c0 skyblue:87ceeb slateblue:6a5acd slategray:708090 slategrey:708090 snow:fffafa ' +
    'springgreen:00ff7f steelblue:4682b4 tan:d2b48c teal:008080 thistle:d8bfd8 tomato:ff6347 turquoise:40e0d0 ' +
    'violet:ee82ee wheat:f5deb3 white:ffffff whitesmoke:f5f5f5 yellow:ffff00 yellowgreen:9acd32 window:ffffff ' +
    'windowtext:000000 canvas:ffffff canvastext:000000'
  )
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
);
