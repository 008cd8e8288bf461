// The line above a quote, and the head of a forwarded mail, in the language of the mail: pure.
import type { Address, MailMetadata } from '../contracts/mail.ts';

const UNKNOWN = 'en';

interface Words {
  /** `{date}` and `{who}` are put in. Without a date `{who}` alone is. */
  wrote: string;
  wroteUndated: string;
  forwarded: string;
  from: string;
  date: string;
  subject: string;
  to: string;
  cc: string;
}

const words = (
  wrote: string,
  wroteUndated: string,
  [forwarded = '', from = '', date = '', subject = '', to = '', cc = '']: readonly string[],
): Words => ({ wrote, wroteUndated, forwarded, from, date, subject, to, cc });

/** As the mail programs of each language write it, so that others know the quote again. */
const LANGUAGES: Record<string, Words> = {
  en: words('On {date}, {who} wrote:', '{who} wrote:', [
    'Forwarded message',
    'From',
    'Date',
    'Subject',
    'To',
    'Cc',
  ]),
  de: words('Am {date} schrieb {who}:', '{who} schrieb:', [
    'Weitergeleitete Nachricht',
    'Von',
    'Datum',
    'Betreff',
    'An',
    'Cc',
  ]),
  fr: words('Le {date}, {who} a écrit :', '{who} a écrit :', [
    'Message transféré',
    'De',
    'Date',
    'Objet',
    'À',
    'Cc',
  ]),
  it: words('Il {date}, {who} ha scritto:', '{who} ha scritto:', [
    'Messaggio inoltrato',
    'Da',
    'Data',
    'Oggetto',
    'A',
    'Cc',
  ]),
  es: words('El {date}, {who} escribió:', '{who} escribió:', [
    'Mensaje reenviado',
    'De',
    'Fecha',
    'Asunto',
    'Para',
    'Cc',
  ]),
  pt: words('Em {date}, {who} escreveu:', '{who} escreveu:', [
    'Mensagem encaminhada',
    'De',
    'Data',
    'Assunto',
    'Para',
    'Cc',
  ]),
  nl: words('Op {date} schreef {who}:', '{who} schreef:', [
    'Doorgestuurd bericht',
    'Van',
    'Datum',
    'Onderwerp',
    'Aan',
    'Cc',
  ]),
  sv: words('Den {date} skrev {who}:', '{who} skrev:', [
    'Vidarebefordrat meddelande',
    'Från',
    'Datum',
    'Ämne',
    'Till',
    'Kopia',
  ]),
  da: words('Den {date} skrev {who}:', '{who} skrev:', [
    'Videresendt besked',
    'Fra',
    'Dato',
    'Emne',
    'Til',
    'Cc',
  ]),
  nb: words('Den {date} skrev {who}:', '{who} skrev:', [
    'Videresendt melding',
    'Fra',
    'Dato',
    'Emne',
    'Til',
    'Kopi',
  ]),
  fi: words('{date} {who} kirjoitti:', '{who} kirjoitti:', [
    'Välitetty viesti',
    'Lähettäjä',
    'Päivämäärä',
    'Aihe',
    'Vastaanottaja',
    'Kopio',
  ]),
  pl: words('Dnia {date} {who} napisał(a):', '{who} napisał(a):', [
    'Przekazana wiadomość',
    'Od',
    'Data',
    'Temat',
    'Do',
    'DW',
  ]),
  cs: words('Dne {date} {who} napsal(a):', '{who} napsal(a):', [
    'Přeposlaná zpráva',
    'Od',
    'Datum',
    'Předmět',
    'Komu',
    'Kopie',
  ]),
  ru: words('{date} {who} написал:', '{who} написал:', [
    'Пересылаемое сообщение',
    'От',
    'Дата',
    'Тема',
    'Кому',
    'Копия',
  ]),
  uk: words('{date} {who} пише:', '{who} пише:', [
    'Переслане повідомлення',
    'Від',
    'Дата',
    'Тема',
    'Кому',
    'Копія',
  ]),
  tr: words('{date} tarihinde {who} şunu yazdı:', '{who} şunu yazdı:', [
    'İletilen mesaj',
    'Kimden',
    'Tarih',
    'Konu',
    'Kime',
    'Bilgi',
  ]),
  ja: words('{date} {who} のメッセージ:', '{who} のメッセージ:', [
    '転送メッセージ',
    '差出人',
    '日時',
    '件名',
    '宛先',
    'Cc',
  ]),
  zh: words('{who} 于{date}写道：', '{who} 写道：', [
    '转发的邮件',
    '发件人',
    '日期',
    '主题',
    '收件人',
    '抄送',
  ]),
  ko: words('{date} {who} 님이 작성:', '{who} 님이 작성:', [
    '전달된 메시지',
    '보낸사람',
    '날짜',
    '제목',
    '받는사람',
    '참조',
  ]),
};

const wordsOf = (language: string | undefined): Words =>
  LANGUAGES[(language ?? UNKNOWN).toLowerCase().split('-')[0] ?? UNKNOWN] ?? (LANGUAGES[UNKNOWN] as Words);

/** The line above a quote. @param language BCP 47; an unknown one is English */
export function attributionOf(
  { from, date }: Pick<MailMetadata, 'from' | 'date'>,
  language?: string,
): string {
  const { wrote, wroteUndated } = wordsOf(language);
  const who = from?.name || from?.address || 'the sender';
  const shown = date === null ? null : dateOf(date, language);
  // By functions: a name may hold what a replacement would take for a pattern.
  return (shown === null ? wroteUndated : wrote)
    .replace('{date}', () => shown ?? '')
    .replace('{who}', () => who);
}

/** As it is written there, in UTC, for the sender's own zone is not known of a mail that was parsed. */
export function dateOf(date: number, language?: string): string | null {
  if (Number.isNaN(new Date(date).getTime())) return null;
  if (wordsOf(language) === LANGUAGES[UNKNOWN]) return new Date(date).toUTCString();
  const format = new Intl.DateTimeFormat(language, {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC',
  });
  return `${format.format(date)} UTC`;
}

/** The lines above a forwarded mail. @param shown how a list of people is written */
export function forwardedHead(
  { from, to, cc, date, subject }: Pick<MailMetadata, 'from' | 'to' | 'cc' | 'date' | 'subject'>,
  shown: (people: readonly Address[]) => string,
  language?: string,
): { title: string; lines: [string, string][] } {
  const said = wordsOf(language);
  const when = date === null ? null : dateOf(date, language);
  return {
    title: `---------- ${said.forwarded} ----------`,
    lines: [
      [said.from, shown(from ? [from] : [])],
      ...(when === null ? [] : [[said.date, when] as [string, string]]),
      [said.subject, subject],
      [said.to, shown(to)],
      ...(cc.length > 0 ? [[said.cc, shown(cc)] as [string, string]] : []),
    ],
  };
}
