// What a browser is shown where a link leads nowhere: one page for links that never were, are over, or were revoked, so that
// nobody learns which. It is in the language that the browser asks for, as the file's recipient is a stranger to Postern.
import { strangerPage } from './stranger-page.ts';

interface Words {
  title: string;
  text: string;
}

const PAGES: Readonly<Record<string, Words>> = {
  en: {
    title: 'There is no file here',
    text: 'This link is not valid, or not any more. If somebody sent it to you, ask them to send the file again.',
  },
  de: {
    title: 'Hier liegt keine Datei',
    text: 'Dieser Link ist nicht oder nicht mehr gültig. Bitten Sie die Person, die ihn geschickt hat, die Datei noch einmal zu senden.',
  },
  fr: {
    title: 'Aucun fichier ici',
    text: 'Ce lien n’est pas valide ou ne l’est plus. Demandez à la personne qui vous l’a envoyé de renvoyer le fichier.',
  },
  es: {
    title: 'Aquí no hay ningún archivo',
    text: 'Este enlace no es válido o ya no lo es. Pida a quien se lo envió que vuelva a enviar el archivo.',
  },
  zh: {
    title: '此处没有文件',
    text: '此链接无效或已失效。请联系发件人重新发送文件。',
  },
};
const LONGEST_HEADER_CHARS = 200;

/** The page as HTML, without anything that could act or be fetched. @param accepted the Accept-Language header */
export function noFilePage(accepted: string | undefined): string {
  const asked = (accepted ?? '').slice(0, LONGEST_HEADER_CHARS).split(',');
  const tags = asked.map((one) => one.trim().slice(0, 2).toLowerCase());
  const lang = tags.find((tag) => PAGES[tag] !== undefined) ?? 'en';
  const { title, text } = PAGES[lang] as Words;
  return strangerPage(lang, title, `<p>${text}</p>`);
}
