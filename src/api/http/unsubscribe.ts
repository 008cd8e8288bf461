// Where the links lead by which people leave a list (RFC 8058). GET shows a page and never acts: programs open links by
// themselves. POST acts at once, with no cookie, no sign-in and no question: the token in the address is the proof.
import express, { type Express, type RequestHandler } from 'express';
import type { Leaving } from '../../bounces/tokens.ts';
import type { Rooms } from '../rooms.ts';
import { onlyMethods } from './router.ts';
import { escaped, PAGE_POLICY, strangerPage } from './stranger-page.ts';

const BODY_BYTES = 4_096; // one field, in whatever form

const HEADERS = {
  'Content-Security-Policy': `${PAGE_POLICY}; form-action 'self'`,
  'X-Robots-Tag': 'noindex',
} as const;

interface Words {
  title: string;
  ask(list: string, who: string): string;
  leave: string;
  every: string;
  done(who: string): string;
  doneEvery(who: string): string;
  unknown: string;
  unknownTitle: string;
  doneTitle: string;
}

const WORDS: Readonly<Record<string, Words>> = {
  en: {
    title: 'Unsubscribe',
    ask: (list, who) => `Should ${who} get no more mail from “${list}”?`,
    leave: 'Unsubscribe',
    every: 'Unsubscribe from all our mailings',
    doneTitle: 'Unsubscribed',
    done: (who) => `${who} gets no more of these mails.`,
    doneEvery: (who) => `${who} gets none of our mailings any more.`,
    unknownTitle: 'This link is not known',
    unknown:
      'It may be incomplete. Open it from the mail once more, or answer the mail and ask to be taken off the list.',
  },
  de: {
    title: 'Abmelden',
    ask: (list, who) => `Soll ${who} keine Mails von «${list}» mehr erhalten?`,
    leave: 'Abmelden',
    every: 'Von allen unseren Rundmails abmelden',
    doneTitle: 'Abgemeldet',
    done: (who) => `${who} erhält diese Mails nicht mehr.`,
    doneEvery: (who) => `${who} erhält keine unserer Rundmails mehr.`,
    unknownTitle: 'Dieser Link ist nicht bekannt',
    unknown:
      'Vielleicht ist er unvollständig. Öffnen Sie ihn noch einmal aus der Mail, oder antworten Sie auf die Mail und bitten Sie um die Abmeldung.',
  },
  zh: {
    title: '退订',
    ask: (list, who) => `是否不再向 ${who} 发送“${list}”的邮件？`,
    leave: '退订',
    every: '退订我们的所有群发邮件',
    doneTitle: '已退订',
    done: (who) => `${who} 将不再收到这些邮件。`,
    doneEvery: (who) => `${who} 将不再收到我们的任何群发邮件。`,
    unknownTitle: '无法识别此链接',
    unknown: '链接可能不完整。请从邮件中重新打开，或回复邮件要求退订。',
  },
};

type Unsubscribe = Pick<Rooms, 'unsubscribe'>['unsubscribe'];

export function addUnsubscribe(app: Express, unsubscribe: Unsubscribe): void {
  const body = express.raw({ type: () => true, limit: BODY_BYTES });
  app.get('/u/:token', unsubscribePage(unsubscribe));
  app.post('/u/:token', body, unsubscribeAct(unsubscribe));
  app.all('/u/:token', onlyMethods(['GET', 'POST']));
}

/** `GET /u/{token}`: a page with a button. */
function unsubscribePage(unsubscribe: Unsubscribe): RequestHandler {
  return async (req, res) => {
    const { language, words } = wordsFor(req.acceptsLanguages(...Object.keys(WORDS)));
    const leaving = await unsubscribe.read(String(req.params.token));
    res.set(HEADERS).set('Vary', 'Accept-Language').type('html');
    if (!leaving)
      return void res.status(404).send(strangerPage(language, words.unknownTitle, `<p>${words.unknown}</p>`));
    const button = (name: string, text: string, more = ''): string =>
      `<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">${more}<button${name}>${escaped(text)}</button></form>`;
    const body =
      `<p>${escaped(words.ask(leaving.list, maskedAddress(leaving)))}</p>${button('', words.leave)}` +
      button(' class="second"', words.every, '<input type="hidden" name="every" value="yes">');
    res.status(200).send(strangerPage(language, words.title, body));
  };
}

/** `POST /u/{token}` with `List-Unsubscribe=One-Click`. The body is read as bytes before. */
function unsubscribeAct(unsubscribe: Unsubscribe): RequestHandler {
  return async (req, res) => {
    const { language, words } = wordsFor(req.acceptsLanguages(...Object.keys(WORDS)));
    res.set(HEADERS).type('html');
    const said = fieldsOf(Buffer.isBuffer(req.body) ? req.body.toString('latin1') : '');
    const leaving = await unsubscribe.read(String(req.params.token));
    if (!leaving)
      return void res.status(404).send(strangerPage(language, words.unknownTitle, `<p>${words.unknown}</p>`));
    if (said.get('list-unsubscribe')?.toLowerCase() !== 'one-click')
      return void res
        .status(400)
        .send(strangerPage(language, words.unknownTitle, `<p>List-Unsubscribe=One-Click</p>`));
    const every = said.get('every') === 'yes';
    await unsubscribe.leaveNow(leaving, every);
    const who = maskedAddress(leaving);
    const text = every ? words.doneEvery(who) : words.done(who);
    res.status(200).send(strangerPage(language, words.doneTitle, `<p role="status">${escaped(text)}</p>`));
  };
}

function wordsFor(accepted: string | false): { language: string; words: Words } {
  const language = accepted || 'en';
  return { language, words: WORDS[language] ?? (WORDS.en as Words) };
}

/** Of a form in either way that forms are sent (RFC 8058 §3.2). */
function fieldsOf(body: string): Map<string, string> {
  const parts = [...body.matchAll(/name="?([\w-]{1,40})"?[^\r\n]{0,200}\r?\n\r?\n([^\r\n]{0,200})/gi)];
  const pairs: [string, string][] =
    parts.length > 0
      ? parts.map((part) => [part[1] ?? '', part[2] ?? ''])
      : [...new URLSearchParams(body)].slice(0, 10);
  return new Map(pairs.map(([name, value]) => [name.toLowerCase(), value]));
}

/** Enough for its owner: the mail with the link may have been passed on. */
function maskedAddress({ address }: Leaving): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, 1)}…${address.slice(at)}`;
}
