// The new text of a reply, without what it quotes. Line by line and in linear time. The library `email-reply-parser` was
// tried and left: its patterns look from every line to the end of the text, so that 22 kB of lines "Op schreef" take
// 13 s, and mail is hostile. The full text is always kept beside the result.

const MAX_CHARS = 256 * 1024; // a reply's new text stands at its top; what is behind this is not looked at
const MAX_LINE_CHARS = 600; // longer lines are prose, never a heading of a quote
const ATTRIBUTION_LINES = 4; // mail programs wrap "On … wrote:" over up to this many lines
const HEADING_LINES = 8; // From, Sent, To, Cc, Subject of an Outlook block, some of them wrapped

/** How mail programs introduce a quote: a line that begins so and ends so. `has` must stand somewhere in it. */
const ATTRIBUTIONS: { begins?: string; has?: string; ends: string[] }[] = [
  { begins: 'on ', ends: ['wrote:', 'writes:'] },
  { begins: 'am ', has: 'schrieb', ends: [':'] },
  { has: ' schrieb am ', ends: [':'] },
  { begins: 'le ', ends: ['a écrit :', 'a écrit:', 'a écrit'] },
  { begins: 'el ', ends: ['escribió:', 'escribió', 'ha escrito:'] },
  { begins: 'il ', ends: ['ha scritto:'] },
  { begins: 'em ', ends: ['escreveu:'] },
  { begins: 'op ', has: 'schreef', ends: [':'] },
  { begins: 'den ', has: 'skrev', ends: [':'] },
  { begins: 'dnia ', ends: ['napisał(a):', 'napisał:', 'pisze:'] },
  { ends: ['写道：', '写道:', '寫道：', '寫道:', '写道', '來信：'] },
  {
    ends: [
      'のメッセージ:',
      'のメッセージ：',
      'は書きました:',
      'は書きました：',
      'さんは書きました:',
      'さんは書きました：',
    ],
  },
  { ends: ['작성:', '님이 작성:'] },
  { ends: ['написал:', 'написал(а):', 'пишет:'] },
  { ends: [' wrote:', ' schrieb:', ' a écrit :', ' escribió:'] },
  { has: '@', ends: ['>:', '> :', '>：'] },
];

/** A line of only this, between dashes, parts the new text from the original. */
const SEPARATORS = new Set([
  'original message',
  'original appointment',
  'ursprüngliche nachricht',
  'originalnachricht',
  'original-nachricht',
  "message d'origine",
  'message d’origine',
  'message original',
  'mensaje original',
  'messaggio originale',
  'mensagem original',
  'oorspronkelijk bericht',
  'oprindelig meddelelse',
  'ursprungligt meddelande',
  '原始邮件',
  '原始郵件',
  '回复的原邮件',
  '回复邮件',
  '元のメッセージ',
  'オリジナルメッセージ',
  '원본 메시지',
  '원본 메일',
  'исходное сообщение',
  'пересылаемое сообщение',
]);

const FROM = new Set([
  'from',
  'von',
  'de',
  'da',
  'van',
  'från',
  'fra',
  'od',
  'от',
  '发件人',
  '寄件者',
  '寄件人',
  '差出人',
  '送信者',
  'from(差出人)',
  '보낸 사람',
  '보낸사람',
]);
const OTHERS = new Set([
  ...[
    'sent',
    'date',
    'to',
    'cc',
    'subject',
    'reply-to',
    'gesendet',
    'datum',
    'an',
    'betreff',
    'envoyé',
    'à',
    'objet',
  ],
  ...[
    'enviado',
    'enviado el',
    'fecha',
    'para',
    'asunto',
    'inviato',
    'data',
    'a',
    'oggetto',
    'verzonden',
    'aan',
    'onderwerp',
  ],
  ...[
    'skickat',
    'till',
    'ämne',
    'til',
    'emne',
    'assunto',
    'cc:',
    'отправлено',
    'дата',
    'кому',
    'тема',
    'wysłano',
    'do',
    'temat',
  ],
  ...[
    '发送时间',
    '发送日期',
    '日期',
    '时间',
    '收件人',
    '抄送',
    '主题',
    '寄件日期',
    '收件者',
    '主旨',
    '副本',
    '時間',
    '主題',
  ],
  ...['送信日時', '日時', '宛先', '件名', '送信日', '보낸 날짜', '받는 사람', '제목', '날짜', '참조'],
]);

/** The text that the sender of this mail wrote himself. Empty where everything is quoted. */
export function replyText(text: string): string {
  const lines = text.slice(0, MAX_CHARS).split('\n');
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (isQuoted(line)) continue;
    if (isSeparator(line) || isHeadingBlock(lines, i)) break;
    const attribution = attributionLength(lines, i);
    if (attribution > 0) {
      // A quote that is marked with ">" may have answers between its lines: go on. One that is not has no end.
      if (!quoteFollows(lines, i + attribution)) break;
      i += attribution - 1;
      continue;
    }
    kept.push(line);
  }
  return tidy(kept);
}

const isQuoted = (line: string): boolean => {
  const bare = line.trimStart();
  // A comparison at the start of a line (">=", ">5%") is no quote, nor is a From that a mailbox file has marked.
  return bare.startsWith('>') && !/^>(?:=|\d|From )/.test(bare);
};

/** How many lines an attribution takes that begins at `index`; 0 when none begins there. */
function attributionLength(lines: readonly string[], index: number): number {
  let joined = '';
  for (let count = 1; count <= ATTRIBUTION_LINES && index + count <= lines.length; count++) {
    const line = lines[index + count - 1] as string;
    const bare = line.length > MAX_LINE_CHARS ? '' : squeeze(line);
    if (bare === '' || isQuoted(line)) return 0;
    joined = joined === '' ? bare : `${joined} ${bare}`;
    if (joined.length > MAX_LINE_CHARS) return 0;
    if (isAttribution(joined)) {
      // Of a paragraph before it only the attribution's own lines are taken.
      return count;
    }
    if (count === 1 && !beginsAttribution(joined)) return 0;
  }
  return 0;
}

const beginsAttribution = (line: string): boolean =>
  ATTRIBUTIONS.some(({ begins }) => begins !== undefined && line.startsWith(begins)) ||
  (/\d/.test(line) && (line.includes('@') || /^(?:在|于|\d{4}[年/.-]|\d{1,2}[./])/.test(line)));

/** Whether a whole line introduces a quote. It must name a time or an address, or it is just prose. */
function isAttribution(line: string): boolean {
  if (!/\d/.test(line) && !line.includes('@')) return false;
  return ATTRIBUTIONS.some(
    ({ begins, has, ends }) =>
      (begins === undefined || line.startsWith(begins)) &&
      (has === undefined || line.includes(has)) &&
      ends.some((end) => line.endsWith(end)) &&
      (begins !== undefined || has !== '@' || /\d{1,2}[:.時点h]\d{0,2}/.test(line)),
  );
}

function quoteFollows(lines: readonly string[], index: number): boolean {
  for (let i = index; i < Math.min(index + 4, lines.length); i++) {
    const line = lines[i] as string;
    if (line.trim() !== '') return isQuoted(line);
  }
  return false;
}

function isSeparator(line: string): boolean {
  if (line.length > MAX_LINE_CHARS) return false;
  const bare = line.trim();
  if (!/^[-_=*]{2}|^[-]{1,} /.test(bare)) return false;
  return SEPARATORS.has(squeeze(bare.replace(/^[-_=* ]+/, '').replace(/[-_=* ]+$/, '')));
}

/** The headers of the original as Outlook and others write them: From, and two more of its kind close by. */
function isHeadingBlock(lines: readonly string[], index: number): boolean {
  if (!FROM.has(labelOf(lines[index] as string))) return false;
  let others = 0;
  for (let i = index + 1; i < Math.min(index + HEADING_LINES, lines.length); i++) {
    if (OTHERS.has(labelOf(lines[i] as string))) others++;
  }
  return others >= 2;
}

/** What stands before the first colon of a line, in lower case and without the stars of bold text. */
function labelOf(line: string): string {
  if (line.length > MAX_LINE_CHARS * 20) return '';
  const match = /^[ \t*_|]{0,8}([^:：\n]{1,24}?)[ *_\u3000]{0,4}[:：]/.exec(line);
  return (match?.[1] ?? '')
    .replace(/[\s\u3000]+/g, ' ')
    .trim()
    .toLowerCase();
}

const squeeze = (line: string): string => line.replace(/\s+/g, ' ').trim().toLowerCase();

/** Blank lines and rulers that stood before the quote go with it. */
function tidy(lines: string[]): string {
  while (lines.length > 0 && /^\s*(?:[-_=*]{5,}\s*)?$/.test(lines.at(-1) ?? '')) lines.pop();
  const joined = lines.join('\n').replace(/\n{3,}/g, '\n\n');
  return joined.replace(/^\n+/, '').trimEnd();
}
