// Who of those who write in a thread came into it from outside.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Trust } from '../contracts/mail.ts';
import { outsidersOf } from './people.ts';

const person = (address: string) => ({ name: '', address });
const mail = (from: string, to: string[] = [], level: Trust['level'] = 'verified') => ({
  metadata: { from: person(from), to: to.map(person), cc: [] },
  trust: { level } as Trust,
});

it('nobody in a thread of those who began it, were written to, or were copied by one of them', () => {
  const mails = [
    mail('ann@a.example', ['us@x.example', 'bob@a.example']),
    mail('BOB@a.example'),
    mail('ann@a.example'),
  ];
  assert.deepEqual(outsidersOf(mails, []), []);
  assert.deepEqual(outsidersOf([mail('carl@c.example')], ['carl@c.example']), []);
});

it('a stranger, who does not become one of them by writing again or by whom he copies', () => {
  const mails = [
    mail('ann@a.example'),
    mail('eve@e.example', ['mallory@e.example']),
    mail('eve@e.example'),
    mail('mallory@e.example'),
  ];
  assert.deepEqual(outsidersOf(mails, []), ['eve@e.example', 'mallory@e.example']);
});

it('whoever writes into a thread that this gateway began with others', () => {
  assert.deepEqual(outsidersOf([mail('eve@e.example')], ['ann@a.example']), ['eve@e.example']);
});

it('a mail that may be forged introduces nobody', () => {
  const mails = [
    mail('ann@a.example'),
    mail('ann@a.example', ['eve@e.example'], 'unverified'),
    mail('eve@e.example'),
  ];
  assert.deepEqual(outsidersOf(mails, []), ['eve@e.example']);
});

it('an outsider is one no more once somebody of the thread has written to him', () => {
  const mails = [mail('ann@a.example'), mail('bob@b.example'), mail('ann@a.example', ['bob@b.example'])];
  assert.deepEqual(outsidersOf(mails, []), []);
});
