// Where providers send people back to after a consent. No bearer token comes along: the state in the address is the
// proof, good once and for ten minutes. The answer is a plain page for the person; details are for the operator's log.
import type { RequestHandler } from 'express';
import { codeOf, explain, PosternError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Rooms } from '../rooms.ts';
import { statusOf } from './status.ts';
import { escaped, PAGE_POLICY, strangerPage } from './stranger-page.ts';

const LONGEST_VALUE_CHARS = 4096; // Microsoft's codes have some 1,500

export function oauthCallback(signIn: Rooms['signIn'], log: Logger): RequestHandler {
  return async (req, res) => {
    const value = (name: string): string | undefined => {
      const given = req.query[name];
      return typeof given === 'string' && given.length <= LONGEST_VALUE_CHARS ? given : undefined;
    };
    res.set('Content-Security-Policy', PAGE_POLICY);
    try {
      const label = await signIn.complete({
        state: value('state'),
        code: value('code'),
        iss: value('iss'),
        error: value('error'),
      });
      res
        .status(200)
        .type('html')
        .send(page('Signed in', `The account ${label} is signed in. You can close this page.`));
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      log.warn({ code: codeOf(error) }, `a sign-in by OAuth2 failed: ${explain(error)}`);
      res
        .status(statusOf(error))
        .type('html')
        .send(page('Not signed in', explain(error)));
    }
  };
}

const page = (title: string, text: string): string =>
  strangerPage('en', `Postern: ${title}`, `<p>${escaped(text)}</p>`);
