// Notices in words alone, as qmail, gateways and webmail providers write them: which addresses they are about, and what
// each of them is said to have failed for.
import { addressesIn } from './returned.ts';

const LONGEST_NOTICE_CHARS = 16_000;
const LONGEST_PIECE_CHARS = 4_000; // about one address
const LONGEST_ANSWER_CHARS = 500;
const MOST_PIECES = 300; // a notice to more names them in its machine-readable part
const MOST_AT_ONCE = 20; // in one line

/** Behind such a line stands the mail that came back, and no word of the notice. */
const GIVEN_BACK = new RegExp(
  [
    '^[-=_*#> \\t]{0,80}(?:below this line is a copy|this is a copy of|original message follows|the header of the original|returned message)',
    '^[-=_* \\t]{2,80}(?:original message|original mail|message header|message headers follow|ursprüngliche nachricht|message d.origine|mensaje original|原始邮件|原邮件|邮件原文)',
    '^(?:the )?(?:text of the original message|original message headers?|headers of the (?:original|undelivered) message|message headers follow|included is a copy of the message header|your original message|your message follows)\\b',
    '^(?:received: (?:from|by) |return-path: |dkim-signature: )',
    '^(?:unsent message below|----- (?:unsent message|message body) follows)',
  ].join('|'),
  'im',
);

/** That a mail did not arrive, in the languages of the servers that say so. */
const FAILURE = new RegExp(
  [
    '(?:could not|couldn.t|cannot|can.t|can not|was not|wasn.t|not|never)(?: be| been)? (?:successfully )?(?:delivered|sent to|sent)',
    'undeliver(?:able|ed)|undeliverable|unable to (?:deliver|send)|(?:delivery|sending|transmission)(?: \\w+){0,4} fail(?:ed|ure)|fail(?:ed|ure) to (?:deliver|send)|failure notice|returned mail',
    'delivery (?:status notification|incomplete|delayed|problem|error|report)|non-?delivery|return(?:ed|ing) (?:to|your|message|this)|has been returned|rejected your message|permanent (?:fatal )?error|message (?:was )?(?:bounced|rejected)',
    'unzustellbar|nicht (?:zugestellt|zustellbar|ausgeliefert|übermittelt)|zustellung.{0,30}(?:fehlgeschlagen|nicht möglich)|konnte nicht',
    'non remis|échec|n.a pas pu être|pas été (?:remis|distribué)|impossible de (?:remettre|distribuer)',
    'no se (?:ha podido|pudo|puede) entregar|no entregado|error en la entrega|fallo (?:de|en la) entrega|mancat[ao] (?:consegna|recapito)|impossibile (?:recapitare|consegnare)|non (?:è stato )?(?:recapitat|consegnat)',
    'não (?:foi |pôde ser |pode ser )?entreg|falha na entrega|onbestelbaar|niet (?:worden )?(?:bezorgd|afgeleverd)',
    'не (?:было |может быть |удалось )?доставл|не удалось доставить|недоставлен|nie (?:można|udało się|została?) dostarcz|niedostarczon|teslim edil[ae]m',
    '退信|退回|(?:无法|無法|不能|未能)(?:成功)?(?:投递|送达|发送|傳遞|传递|投遞|送達|寄送)|未(?:送达|送達|能送)|(?:投递|发送|傳送)失败|失敗|配信(?:不能|でき|エラー)|お届けでき|送信できません|배달(?:되지|할 수)|전송(?:되지| 실패)|반송',
  ].join('|'),
  'i',
);

/** That it is still being tried. */
const DELAY =
  /no action is required|do(?:es)? not need to (?:resend|send|take)|don.t need to (?:resend|send)|warning: (?:could not send|message .{0,60}delayed)|this is a warning message only|has not yet been delivered|will (?:continue|keep) (?:to )?(?:try|be tried|retry|trying)|will (?:be retried|try again|retry for)|delivery attempts will continue|(?:message|delivery|e-?mail)[^.\n]{0,60}(?:is|has been|was) delayed|verzögert|weiterhin versucht|réessa(?:yer|iera)|继续尝试|将(?:会)?(?:继续|重试)/i;

/** What asks a person to do something before a mail is let through: it waits, and nothing failed. */
const CHALLENGE =
  /(?:confirm|verify|prove)[^.\n]{0,60}(?:you(?:r| are)|sender|human|message)|click (?:here|on|the link)[^.\n]{0,80}(?:deliver|release|confirm|verify)|challenge[ -]response|to (?:have|get) your (?:message|e-?mail) delivered|whitelist(?:ing)? request|spam ?arrest/i;

export interface Notice {
  isFailure: boolean;
  isDelay: boolean;
  isChallenge: boolean;
  /** What the server said, about each address that is named. */
  pieces: Map<string, string>;
  /** All of it, without the mail that came back. */
  words: string;
}

/** @param isOther whether an address is surely not one that the mail was for: of whoever wrote the notice, or of ours */
export function readNotice(subject: string, text: string, isOther: (address: string) => boolean): Notice {
  const words = withoutReturned(text.slice(0, LONGEST_NOTICE_CHARS));
  const start = `${subject}\n${words}`;
  return {
    isFailure: FAILURE.test(start),
    isDelay: DELAY.test(start),
    isChallenge: CHALLENGE.test(start),
    pieces: piecesOf(words, isOther),
    words,
  };
}

function withoutReturned(text: string): string {
  const found = GIVEN_BACK.exec(text);
  // A notice that begins with it has its words behind.
  return found && found.index > 40 ? text.slice(0, found.index) : text;
}

/** A line that names an address begins what is said of it, until one names another. */
function piecesOf(words: string, isOther: (address: string) => boolean): Map<string, string> {
  const pieces = new Map<string, string>();
  const known = new Map<string, string>(); // the same address in other letters is the same one
  let about: string[] = [];
  for (const line of words.split('\n')) {
    const named = line.includes('@') ? addressesIn(line).filter((address) => !isOther(address)) : [];
    if (named.length > 0) about = [];
    for (const address of named) {
      const lower = address.toLowerCase();
      if (!known.has(lower) && known.size < MOST_PIECES) known.set(lower, address);
      const key = known.get(lower);
      if (key !== undefined && about.length < MOST_AT_ONCE) about.push(key);
    }
    for (const address of about) {
      const before = pieces.get(address) ?? '';
      if (before.length < LONGEST_PIECE_CHARS) pieces.set(address, `${before} ${line.trim()}`.trim());
    }
  }
  return pieces;
}

/** What looks like the answer of an SMTP server in a text: `550 5.1.1 …`. */
export function answerIn(text: string): string | null {
  const found = /(?:^|[\s:;"'(>#])([45][0-5]\d[ -](?=\D|[45]\.)[\s\S]{3,})/.exec(text);
  return found?.[1]?.slice(0, LONGEST_ANSWER_CHARS).replace(/\s+/g, ' ').trim() ?? null;
}
