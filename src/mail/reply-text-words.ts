// The words by which mail programs introduce what they quote, forward or add, in some twenty languages: data only. All in
// lower case, parted by bars and ends of lines. Labels in Han, Kana or Hangul stand without spaces here, since programs put
// spaces between their signs at will.

const words = (list: string): string[] =>
  list
    .split(/[|\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** Verbs that stand at the end of "On …, Sales wrote:", before the colon that some programs leave out. */
export const WROTE_AT_END = words(`
  wrote | writes | schrieb | schreef | a écrit | escribió | ha escrito | ha scritto | scrive | escreveu | geschrieben
  geschreven | написал | написала | написал(а) | написал (а) | пишет | пише | пишут | писал | писала
  писал(а) | вы писали | написав | написав(ла) | 写道 | 寫道 | 写到 | 寫到 | 来信 | 來信 | 的来信 | 书写
  は書きました | さんは書きました | さんが書きました | が書きました | からのメッセージ | のメール
  のメッセージ | wrote(書きました) | 님이 작성 | 작성 | 이(가) 쓴 글 | 이(가) 작성 | 님의 말 | 님이 쓴 글
  님이 작성한 글 | skrev | skrev följande | skrev følgende | napisał(a) | napisał | napisała | pisze
  napsal | napsal(a) | napísal(a) | kirjoitti | írta | ezt írta | şunu yazdı | yazdı | đã viết | menulis
  va escriure | a scris | έγραψε | כתב | كتب | het volgende geschreven | folgendes geschrieben
`);

/** Verbs, and what follows them, that the writer's name, a date or both may still follow: "Am … schrieb Sales:". */
export const WROTE_INSIDE = words(`
  schrieb | schreef | skrev | escreveu ( | escreveu no dia | escreveu em | escreveu a | ezt írta (
  вы писали | вы написали | odesílatel | a écrit le | scrive il
`).map((verb) => (verb.endsWith('(') ? ` ${verb}` : ` ${verb} `));

/** How an attribution begins, where it does not begin with the date or the writer. A date must follow. */
export const ATTRIBUTION_BEGINS = words(`
  on | at | am | le | el | il | il giorno | em | no dia | às | a | op | den | dnia | w dniu | dne | la data
  vào | pada | στις | 在 | 于 | 於 | вы писали | el dia
`).map((word) => (/[a-zа-яά-ώ]$/.test(word) ? `${word} ` : word));

/** A line of only these between dashes parts the new text from the original. Some programs forward by them too. */
export const ORIGINAL_WORDS = new Set(
  words(`
  original message | original appointment | original email | original mail | reply message
  replied message | reply to message | ursprüngliche nachricht | originalnachricht | original-nachricht
  ursprünglicher termin | original nachricht | message d'origine | message d’origine | message original
  message initial | courriel d'origine | mensaje original | messaggio originale | mensagem original
  oorspronkelijk bericht | origineel bericht | oorspronkelijke bericht | oprindelig meddelelse
  originalmeddelande | ursprungligt meddelande | opprinnelig melding | исходное сообщение
  оригинальное сообщение | исходное письмо | wiadomość oryginalna | původní zpráva | eredeti üzenet
  原始邮件 | 原始郵件 | 邮件原件 | 回复的原邮件 | 回复邮件 | 回复信息 | 原始信件 | 原始消息
  原始訊息 | 原始邮件信息 | 元のメッセージ | オリジナルメッセージ | 元メッセージ | 元のメール | 원본 메시지
  원본 메일 | 원본메시지 | 원본메일 | 원래 메시지
`),
);

/** Words that mean more than a quote: only where headers of the original follow. */
export const WEAK_ORIGINAL_WORDS = new Set(words('original | 原文 | 원문 | 原邮件'));

/** Between dashes: what is below is a forwarded mail, in any program. */
export const FORWARDED_WORDS = new Set(
  words(`
  forwarded message | forwarded mail | forwarded email | forwarded by | forwarded letter
  weitergeleitete nachricht | weitergeleitete mail | weitergeleitete e-mail | message transféré
  message réexpédié | courriel transféré | mensaje reenviado | messaggio inoltrato | mensagem encaminhada
  mensagem reencaminhada | doorgestuurd bericht | vidarebefordrat meddelande | videresendt meddelelse
  videresendt besked | videresendt melding | пересылаемое сообщение | пересланное сообщение
  перенаправленное сообщение | переадресованное сообщение | начало переадресованного сообщения
  начало пересылаемого сообщения | wiadomość przekazana | treść przekazanej wiadomości | přeposlaná zpráva
  továbbított üzenet | iletilen mesaj | välitetty viesti | переслане повідомлення | 转发的邮件 | 转发邮件
  转发邮件信息 | 转发的消息 | 转发信息 | 轉寄的郵件 | 轉寄郵件 | 轉寄的訊息 | 轉寄訊息 | 転送メッセージ
  転送されたメッセージ | 転送されたメール | 転送メール | 전달된 메시지 | 전달 메시지 | 전달된 메일
  전달메일 | 전달된메일
`),
);

/** Whole lines, a colon behind them, by which Apple Mail begins a forwarded mail. */
export const FORWARD_BEGINS = new Set(
  words(`
  begin forwarded message | anfang der weitergeleiteten nachricht | anfang der weitergeleiteten e-mail
  début du message réexpédié | début du message transféré | inicio del mensaje reenviado
  inizio messaggio inoltrato | inizio del messaggio inoltrato | início da mensagem encaminhada
  início da mensagem reencaminhada | begin doorgestuurd bericht | start doorgestuurd bericht
  начало переадресованного сообщения | начало пересылаемого сообщения | vidarebefordrat brev
  start på videresendt besked | początek przekazywanej wiadomości | 下面是被转发的邮件 | 以下是转发的邮件
  开始转发的邮件 | 转发的邮件 | 以下為轉寄的郵件 | 以下是轉寄的郵件 | 開始轉寄郵件 | 開始轉寄的郵件
  転送されたメッセージ | 次のメッセージを転送 | 以下は転送されたメッセージです | 전달된 메시지 시작
  전달된 메시지 | 아래는 전달된 메시지입니다
`),
);

/** What stands before the colon of a subject when a mail was forwarded. */
export const FORWARD_PREFIXES = new Set(
  words(`
  fw | fwd | wg | tr | rv | i | enc | reenv | doorst | vb | vs | vl | vid | pd | ilt | πρθ | továbbítás
  пересл | пер | 转发 | 轉寄 | 轉發 | 転送 | 전달 | inoltra | forward | forwarded
`),
);

export type HeadingRole = 'from' | 'date' | 'to' | 'subject' | 'other';

const LABELS: Readonly<Record<HeadingRole, string>> = {
  from: `
  from | von | de | da | van | från | fra | od | de la | lähettäjä | feladó | kimden | gönderen | от
  от кого | від | από | absender | remitente | expéditeur | mittente | remetente | afzender | 发件人
  寄件者 | 寄件人 | 差出人 | 送信者 | 送信元 | from(差出人) | 보낸사람 | 보낸이 | 발신자 | отправитель
  发送人 | 發件人
`,
  date: `
  message du | sent | date | sent at | date sent | gesendet | gesendet am | datum | envoyé | envoyé le | enviado
  enviado el | fecha | fecha de envío | enviada em | enviado em | enviada | data | data de envio | inviato
  verzonden | verstuurd | skickat | sendt | dato | wysłano | odesláno | lähetetty | elküldve | päivämäärä
  gönderildi | gönderme tarihi | tarih | trimis | dátum | отправлено | дата | надіслано | 发送时间
  发送日期 | 日期 | 时间 | 寄件日期 | 傳送日期 | 時間 | 發送時間 | 送信日時 | 日時 | 送信日 | 日付
  보낸날짜 | 날짜 | 보낸시간 | 보낸일시 | 작성일 | στάλθηκε
`,
  to: `
  to | an | à | para | a | aan | till | til | do | komu | vastaanottaja | címzett | kime | către | кому
  προς | empfänger | destinataire | destinatario | 收件人 | 收件者 | 宛先 | 받는사람 | 받는이 | 수신자
  收信人 | 送信先
`,
  subject: `
  subject | betreff | objet | sujet | asunto | oggetto | assunto | onderwerp | ämne | emne | temat | předmět
  predmet | aihe | tárgy | konu | subiect | тема | θέμα | 主题 | 主旨 | 主題 | 标题 | 件名 | 제목 | 題名
`,
  other: `
  cc | copy | kopie | copie | copia | cópia | kopia | kopi | dw | копия | 抄送 | 副本 | 참조 | reply-to
  importance | attachments | anlagen | wichtigkeit | priorität | pièces jointes | importancia | allegati
  priorità | bijlagen | anexos | datos adjuntos | вложения | 附件 | 添付ファイル | 첨부파일
`,
};

/** The labels of the original's headers as Outlook and others write them above it. */
export const HEADING_LABELS: ReadonlyMap<string, HeadingRole> = new Map(
  (Object.keys(LABELS) as HeadingRole[]).flatMap((role) =>
    words(LABELS[role]).map((label): [string, HeadingRole] => [label, role]),
  ),
);

/** How a line begins that a phone or a program puts below a mail; it must name one as well. */
export const FOOTER_BEGINS = words(`
  sent from | sent with | sent via | sent using | gesendet von | gesendet mit | gesendet aus | gesendet über
  diese nachricht wurde v | diese e-mail wurde v | envoyé de | envoyé à partir d | envoyé avec | envoyé par
  envoyé via | message envoyé | provenance : courrier | provenance: courrier | enviado desde | enviado con
  enviado a través | mensaje enviado | enviado do | enviado pelo | enviado a partir d | enviado via
  enviado com | enviado de | mensagem enviada | inviato da | inviato con | inviato tramite | verstuurd v
  verzonden v | verstuurd met | verzonden met | отправлено с | отправлено из | отправлено от
  отправлено через | послано с | надіслано з | skickat från | sendt fra | wysłane z | wysłano z | odesláno z
  发自 | 發自 | 来自我的 | 來自我的 | 发送自 | 發送自 | 傳送自
`);

/** The same with the verb at the end: what stands before the dots begins the line, what stands behind ends it. */
export const FOOTER_FRAMES = words(`
  von mein … gesendet | von unterwegs … gesendet | 从 … 发送 | 從 … 傳送 | 從 … 寄出 | 從 … 發送 | 由 … 发送
  由 … 定制 | 通过 … 发送 | … から送信 | … より送信 | … 에서 보냄 | … 에서 전송 | … gönderildi | vanaf … verstuurd
`).map((frame) => frame.split('…').map((part) => part.trim()) as [string, string]);

/** "Get Outlook for iOS" and its like begin or end so, and name Outlook and a phone. */
export const GET_WORDS = words(`
  get | download | holen sie sich | herunterladen | beziehen | abrufen | obtenir | télécharge | obtén
  obtener | descarga | ottieni | scarica | obter | obtenha | baixar | скачать | получить | 获取 | 下载
  取得 | 下載 | 入手 | ダウンロード | 다운로드 | 받기 | hent | skaffa | hämta | pobierz | hanki
`);

export const DEVICES = words(`
  iphone | ipad | ipod | android | galaxy | samsung | huawei | xiaomi | redmi | honor | oppo | vivo
  oneplus | pixel | motorola | nokia | sony | xperia | blackberry | windows | outlook | yahoo | proton
  gmail | gmx | web.de | mail.ru | яндекс | почт | aol | spark | superhuman | aquamail | k-9 | k9
  thunderbird | edison | canary | fairemail | smartphone | mobile | mobil | móvil | handy | telefon | phone
  téléphone | teléfono | telefone | telefoon | celular | cellulare | handheld | телефон | смартфон | 手机
  手機 | 小米 | 华为 | 邮箱 | 郵箱 | 信箱 | 盖乐世 | スマートフォン | スマホ | 携帯 | 갤럭시 | 휴대폰
  스마트폰 | 아이폰 | 네이버 | tablet | fastmail | icloud | zoho | lark | 飞书
`);
