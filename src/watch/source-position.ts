// The position of a message as a token: what a consumer keeps, gives back, and never looks into.
import { PosternError } from '../kernel/errors.ts';

export interface SourcePosition {
  mailbox: string;
  uidValidity: string;
  /** 0: the beginning of the mailbox under this UIDVALIDITY. */
  uid: number;
}

const SHAPE = /^1\.(\d{1,10})\.(\d{1,10})\.(.{1,1000})$/su;

export const positionToken = ({ mailbox, uidValidity, uid }: SourcePosition): string =>
  Buffer.from(`1.${uidValidity}.${uid}.${mailbox}`).toString('base64url');

/** @throws PosternError `position_unknown` */
export function readPosition(token: string): SourcePosition {
  const [, uidValidity = '', uid = '', mailbox = ''] =
    SHAPE.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? [];
  if (mailbox === '') throw unknownPosition();
  return { mailbox, uidValidity, uid: Number(uid) };
}

export const unknownPosition = (): PosternError =>
  new PosternError('position_unknown', 'The position is none that was handed out to this consumer.', {
    hint: 'Give the position of an event back as it came. After a seek, only those that came since count.',
  });
