// The words and codes by which servers say why a mail was not delivered, in the languages of those that say so.
import type { BounceKind } from '../contracts/suppression.ts';
import { NO_SUCH_RECIPIENT } from './reason-words-recipient.ts';

export interface Telling {
  kind: BounceKind;
  reason: string;
  words: RegExp;
}

const telling = (kind: BounceKind, reason: string, ...alternatives: string[]): Telling => ({
  kind,
  reason,
  words: new RegExp(alternatives.join('|'), 'i'),
});

/** In this order: who is refused as a spammer with “user unknown” in the same breath is refused as a spammer. */
export const TELLING: readonly Telling[] = [
  telling('soft', 'greylisted', 'gr[ae]y-?list', 'come back later'),
  telling(
    'too_large',
    'too large',
    ...[
      '(?:message|mail|content|attachment)s? (?:file )?(?:is |was )?too (?:large|big)',
      'message size exceeds',
    ],
    ...[
      'exceeds? (?:the )?(?:fixed |maximum |max |allowed )?(?:message |mail )?size',
      'size limit (?:was )?exceeded',
    ],
    ...[
      'exceed(?:s|ed)? (?:the |our )?(?:maximum|max)\\.? (?:message |allowed )?size',
      'maximum message size',
    ],
    ...['size of (?:the|your) message', 'larger than the current system limit', 'message length exceeds'],
    ...[
      'zu groß',
      'taille (?:maximale|du message)',
      '邮件(?:大小|过大|太大|尺寸)',
      '超过.{0,12}(?:大小|容量)限制',
      '大きすぎ',
    ],
  ),
  telling(
    'soft',
    'mailbox full',
    ...[
      '(?:mailbox|inbox|account|mail ?box) (?:is |was )?(?:currently )?(?:full|over|exceed)',
      'over ?quota',
      'quota',
    ],
    ...[
      'out of storage',
      'insufficient (?:system )?storage',
      'not enough (?:storage|space)',
      'disk full',
      'storage (?:space )?(?:is )?full',
    ],
    ...[
      'no space left',
      'mailfolder is full',
      'exceeded storage',
      'postfach (?:ist )?(?:voll|überfüllt)',
      'speicherplatz',
    ],
    ...[
      'boîte (?:aux lettres |de réception )?(?:est )?pleine',
      'buzón (?:está )?lleno',
      'casella[^.\\n]{0,40}piena',
    ],
    ...['caixa[^.\\n]{0,40}cheia', 'postvak (?:is )?vol', 'ящик переполнен', 'переполнен'],
    ...[
      'skrzynka.{0,20}(?:pełna|przepełniona)',
      '邮箱(?:已满|空间不足|容量)',
      '空间(?:已满|不足)',
      '信箱已滿',
      '容量(?:を超|超過|オーバー)',
      '가득',
    ],
  ),
  telling(
    'block',
    'the sender could not be authenticated',
    ...[
      'dmarc',
      'spf(?:[ -]?(?:fail|check|record|validation|hardfail))',
      'dkim',
      'unauthenticated',
      'not authenticated',
    ],
    ...[
      'sender policy framework',
      'spf (?:or|and)',
      'authenticat(?:e|ion) (?:check|fail|required)',
      'failed authentication',
    ],
  ),
  telling(
    'block',
    'on a blocklist',
    ...[
      'black ?list',
      'block ?list',
      'deny ?list',
      'dnsbl',
      '\\brbl\\b',
      'spamhaus',
      'spamcop',
      'barracuda',
      'sorbs',
      'uceprotect',
    ],
    ...[
      'poor reputation',
      '(?:bad|low|sender|ip) reputation',
      'senderscore',
      'blocked using',
      'your ip',
      '黑名单',
    ],
  ),
  telling(
    'block',
    'refused as spam',
    ...[
      'spam',
      'junk',
      'unsolicited',
      'bulk (?:mail|email)',
      'phish',
      'suspicious',
      '垃圾邮件',
      '垃圾郵件',
      '迷惑メール',
    ],
  ),
  telling('block', 'a virus was suspected', 'virus', 'malware', 'infected', 'trojan'),
  telling(
    'soft',
    'too many mails at once',
    ...[
      'rate ?limit',
      'too many (?:messages|recipients|connections|emails|mails)',
      'receiving mail (?:at a rate|too quickly)',
    ],
    ...[
      'throttl',
      'frequency limit',
      'exceeded.{0,30}(?:per (?:hour|day|minute)|rate)',
      '频率',
      '发送频繁',
      '连接并发',
    ],
  ),
  telling(
    'hard',
    'no such domain',
    ...[
      '(?:host|domain)(?: or domain)?(?: name)? not found',
      'domain (?:does not|doesn.t) exist',
      'no such (?:domain|host)',
    ],
    ...[
      'unknown (?:domain|host)',
      'unrout(?:e)?able (?:address|mail domain)',
      'couldn.t find (?:any )?host',
      'nxdomain',
      'null ?mx',
    ],
    ...[
      'domain (?:name )?(?:was |is )?(?:invalid|unknown)',
      'does not accept (?:any )?mail',
      'bad destination host',
    ],
    ...[
      'all relevant mx records point to non-existent hosts',
      'domain couldn.t be found',
      'domain.{0,40}nicht gefunden',
    ],
    ...['域名(?:不存在|错误|无效|解析失败)', 'домен.{0,30}не (?:найден|существует)'],
  ),
  telling(
    'hard',
    'the recipient moved',
    ...[
      'has (?:moved|changed).{0,40}(?:address|no longer)',
      'user has moved',
      'no longer (?:works|with|employed)',
      'mailbox.{0,20}moved',
    ],
  ),
  telling(
    'hard',
    'mailbox disabled',
    ...[
      '(?:account|mailbox|user|address|recipient)(?: \\S+)? (?:is |was |has been |that you tried to reach is )?(?:temporarily )?(?:disabled|deactivated|inactive|suspended|discontinued|closed|terminated|locked|expired)',
    ],
    ...[
      'disabled or discontinued',
      'inactive (?:user|account|mailbox)',
      'account closed',
      '(?:账号|帐号|帐户|账户|邮箱)(?:已)?(?:被)?(?:禁用|停用|冻结|锁定|注销)',
    ],
    ...['konto.{0,20}deaktiviert', 'compte.{0,20}désactivé'],
  ),
  telling('hard', 'no such recipient', ...NO_SUCH_RECIPIENT),
  telling(
    'block',
    'a mail loop',
    'mail loop',
    'routing loop',
    'too many hops',
    'hop count exceeded',
    'loops? back to',
  ),
  telling(
    'soft',
    'not delivered in time',
    ...[
      '(?:retry|retries|queue).{0,30}(?:time ?out|timeout|exceeded|expired|too long)',
      'delivery (?:time )?expired',
      'message expired',
    ],
    ...[
      '(?:connection|connect|conversation)[^.\\n]{0,60}(?:timed? ?out|refused|lost|failed|dropped|reset)',
      'timed? ?out',
      'no route to host',
      'network is unreachable',
      'could not be reached',
      'not respond',
    ],
    ...[
      'unable to (?:connect|contact)',
      'wasn.t able to establish an smtp connection',
      'host (?:is )?(?:down|unreachable)',
      '无法连接|连接.{0,10}(?:超时|失败)|超时',
      '接続できません',
    ],
  ),
  telling(
    'block',
    'refused by a rule of the recipient',
    ...[
      'polic(?:y|ies)',
      'not permitted',
      'not allowed',
      'prohibited',
      'not authori[sz]ed',
      'unauthori[sz]ed',
      'permission to send',
      'access denied',
      'relay(?:ing)? (?:access )?denied',
      'unable to relay',
    ],
    ...[
      'blocked',
      'banned',
      'rejected by (?:the )?(?:recipient|content|user|filter)',
      'content (?:rejected|filter|not accepted)',
      'restricted',
      'only accepts',
      'message (?:was )?(?:refused|rejected)',
      '拒收|拒绝接收',
      'отклонен',
    ],
  ),
  telling(
    'soft',
    'a temporary failure',
    'temporar',
    'try again (?:later|in \\d)',
    'local error in processing',
    'service (?:not available|unavailable)',
    'system (?:busy|error)',
    'try later',
  ),
];

/** By the enhanced status alone (RFC 3463 §3, and what Exchange Online writes), where no words tell. */
export const BY_STATUS: readonly (readonly [RegExp, BounceKind, string])[] = [
  [/^[45]\.2\.2$/, 'soft', 'mailbox full'],
  [/^5\.(?:2\.3|3\.4)$/, 'too_large', 'too large'],
  [/^5\.1\.(?:1|3|10)$/, 'hard', 'no such recipient'],
  [/^5\.1\.2$|^5\.4\.310$/, 'hard', 'no such domain'],
  [/^5\.1\.6$/, 'hard', 'the recipient moved'],
  [/^5\.2\.1$/, 'hard', 'mailbox disabled'],
  [/^5\.4\.6$/, 'block', 'a mail loop'],
  [/^[45]\.4\.7$|^5\.4\.300$/, 'soft', 'not delivered in time'],
  [/^5\.7\.2[3-7]$/, 'block', 'the sender could not be authenticated'],
  [/^5\.7\.\d{1,3}$/, 'block', 'refused by a rule of the recipient'],
  [/^4\.\d{1,3}\.\d{1,3}$/, 'soft', 'a temporary failure'],
];
