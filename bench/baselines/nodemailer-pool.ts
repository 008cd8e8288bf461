// Baseline: a bare nodemailer pool, from making it until the last mail was taken. With `composed` the mails were made
// before, and only their bytes are sent; without, the pool makes them as well.
import { createTransport } from 'nodemailer';
import MailComposer from 'nodemailer/lib/mail-composer';
import { taskOf, tellDuration } from '../child.ts';
import { outgoingMail } from '../mails.ts';

export interface PoolTask {
  port: number;
  mails: number;
  connections: number;
  composed: boolean;
  from: string;
  user: string;
  password: string;
}

const task = taskOf<PoolTask>();
const written = Array.from({ length: task.mails }, (_, index) => ({
  from: task.from,
  ...outgoingMail(index),
}));
const mails = task.composed
  ? await Promise.all(
      written.map(async (mail) => ({
        envelope: { from: task.from, to: [mail.to] },
        raw: await new MailComposer(mail).compile().build(),
      })),
    )
  : written;

await tellDuration(async () => {
  const pool = createTransport({
    pool: true,
    maxConnections: task.connections,
    host: '127.0.0.1',
    port: task.port,
    secure: false,
    ignoreTLS: true,
    auth: { user: task.user, pass: task.password },
  });
  const sent = await Promise.all(mails.map((mail) => pool.sendMail(mail)));
  pool.close();
  return sent.filter(({ accepted }) => accepted.length === 1).length;
});
