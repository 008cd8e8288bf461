// Every operation of the registry with every kind of wrong token, over a real gateway: nobody, a stranger, a session that is
// over, another session, another account's, and one with less power. The table is made from the registry: an operation
// that is new is in it, and one that a session may call must be given its row.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { permits } from '../../src/api/access.ts';
import { operations } from '../../src/api/operations.ts';
import type { Operation } from '../../src/api/registry.ts';
import { toolsFor } from '../../src/api/tools.ts';
import type { SessionPrincipal } from '../../src/sessions/tokens.ts';
import { requireService } from '../support/services.ts';
import { ask, call, callTool, digests } from './any-door.ts';
import { inputFor, namingFields, type Things } from './inputs.ts';
import type { Stage } from './stage.ts';
import { setWrongTokens, thingsOf, type Wrong } from './wrong-stage.ts';

/**
 * What a session may call, and what becomes of it with what is foreign: `foreign` names a thing that does not exist for
 * it; `list` shows what is its own; `own` is about nothing but the session itself.
 */
const SESSION_MAY: Readonly<Record<string, 'foreign' | 'list' | 'own'>> = {
  'message.list': 'list',
  'message.get': 'foreign',
  'thread.list': 'list',
  'thread.get': 'foreign',
  'attachment.download': 'foreign',
  'attachment.read': 'foreign',
  'message.label': 'foreign',
  'message.unlabel': 'foreign',
  'message.mark': 'foreign',
  'message.move': 'foreign',
  'message.reply': 'foreign',
  'message.forward': 'foreign',
  'message.send': 'own',
  'draft.create': 'own',
  'draft.update': 'foreign',
  'draft.list': 'list',
  'draft.get': 'foreign',
  'draft.raw': 'foreign',
  'knowledge.search': 'list',
  'knowledge.text': 'foreign',
  'session.get': 'foreign',
  'session.record': 'foreign',
  'session.current': 'own',
  'session.ask': 'own',
  'session.wait': 'own',
  'session.finish': 'own',
  'object.add': 'own',
  'object.get': 'foreign',
};
describe('every operation with every wrong token', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let stage: Stage;
  let dead: readonly Wrong[];
  let foreign: readonly Wrong[];
  let narrow: Wrong;
  let knower: Wrong;
  let mine: string;
  let things: Things;

  before(async () => {
    ({ stage, dead, foreign, narrow, knower, mine, things } = await setWrongTokens());
  });
  after(async () => stage?.[Symbol.asyncDispose]());

  /** Fails where anything of the ledger or of the mailbox is another afterwards, or a mail has left. */
  async function changesNothing(work: () => Promise<void>): Promise<void> {
    const before = digests(stage);
    const mails = JSON.stringify(await stage.dovecot.list('sales'));
    const { length } = await stage.sink.messages();
    await work();
    assert.deepEqual(digests(stage), before);
    assert.equal(JSON.stringify(await stage.dovecot.list('sales')), mails);
    assert.equal((await stage.sink.messages()).length, length);
  }

  it('the operations that a session may call are those that were agreed', () => {
    const may = operations
      .filter(({ permission }) => permits(principalOf('holder'), permission))
      .map(({ name }) => name);
    assert.deepEqual(may.sort(), Object.keys(SESSION_MAY).sort());
    assert.ok(!may.some((name) => /approve|reject|edit|settle|export|rotate|sql|pause|resume/.test(name)));
  });

  it('has an input that its own schema takes', () => {
    for (const operation of operations) {
      const { error } = operation.input.safeParse(inputFor(operation, things));
      assert.ok(!error, `${operation.name}: ${error?.message}`);
    }
  });

  it('is refused to whoever is not known, or not any more', async () => {
    await changesNothing(async () => {
      for (const operation of operations)
        for (const { what, token } of dead) {
          const { status } = await ask(stage, operation, token, inputFor(operation, things));
          assert.equal(status, 401, `${operation.name} with ${what}`);
        }
    });
  });

  it('is refused to every session where it is for people', async () => {
    await changesNothing(async () => {
      for (const operation of operations.filter(({ name }) => !(name in SESSION_MAY)))
        for (const { what, token } of [...foreign, narrow]) {
          const answer = await ask(stage, operation, token, inputFor(operation, things));
          assert.equal(answer.status, 403, `${operation.name} with ${what}: ${answer.text}`);
        }
    });
  });

  it('knows nothing of things that are not of the session', async () => {
    await changesNothing(async () => {
      for (const operation of ofKind('foreign'))
        for (const { what, token } of [...foreign, knower]) {
          const answer = await ask(stage, operation, token, inputFor(operation, things));
          // What an agent has no tool for is refused before its thing is looked for.
          const isLeft = (await leftFor(token === knower.token ? 'knower' : 'holder')).has(operation.name);
          const statuses = isLeft ? [404] : [403, 404];
          assert.ok(
            statuses.includes(answer.status),
            `${operation.name} with ${what}: ${answer.status} ${answer.text}`,
          );
          assertShowsNothing(answer.text, `${operation.name} with ${what}`);
        }
    });
  });

  it('lists nothing that is not of the session, whatever it is asked for', async () => {
    await changesNothing(async () => {
      for (const operation of ofKind('list'))
        for (const { what, token } of [...foreign, knower]) {
          const fields = namingFields(operation, things);
          for (const more of [[], ...fields.map((field) => [field])]) {
            const answer = await ask(stage, operation, token, inputFor(operation, things, more));
            const name = `${operation.name} of ${more} with ${what}`;
            assert.ok([200, 403, 404].includes(answer.status), `${name}: ${answer.status}`);
            assertShowsNothing(answer.text, name, more);
          }
        }
    });
  });

  it('reads what is its own: it is the token that is wrong above', async () => {
    for (const operation of [...ofKind('foreign'), ...ofKind('list')]) {
      if (operation.effects !== 'read' || operation.name.startsWith('knowledge')) continue;
      const answer = await ask(stage, operation, mine, inputFor(operation, things));
      assert.equal(answer.status, 200, `${operation.name}: ${answer.text}`);
    }
  });

  it('is refused to an agent whose policy leaves the tool out', async () => {
    const left = await leftFor('narrow');
    const own = thingsOf(stage, 'narrow');
    await changesNothing(async () => {
      for (const operation of operations.filter(({ name }) => name in SESSION_MAY)) {
        if (left.has(operation.name)) continue;
        const answer = await ask(stage, operation, narrow.token, inputFor(operation, { ...things, ...own }));
        assert.equal(answer.status, 403, `${operation.name}: ${answer.text}`);
      }
    });
    assert.ok(left.has('thread.get') && !left.has('message.reply') && !left.has('message.get'));
  });

  it('is refused at the doors beside the registry too', async () => {
    for (const path of ['/v1/events', '/metrics', '/v1/sources/mine/stream']) {
      for (const { what, token } of dead)
        assert.equal((await call(stage.gateway.url, 'GET', path, token)).status, 401, `${path} with ${what}`);
      for (const { what, token } of [...foreign, narrow])
        assert.equal((await call(stage.gateway.url, 'GET', path, token)).status, 403, `${path} with ${what}`);
    }
  });

  it('is refused over MCP as well: tools of others are not there, and foreign things are not found', async () => {
    const tools = operations.filter(({ tool }) => tool);
    await changesNothing(async () => {
      for (const { what, token } of dead)
        for (const operation of tools) {
          const { status } = await callTool(
            stage,
            token,
            operation.tool?.name ?? '',
            inputFor(operation, things),
          );
          assert.equal(status, 401, `${operation.name} with ${what}`);
        }
      for (const { what, token } of [...foreign, knower, narrow]) {
        const agent = token === knower.token ? 'knower' : token === narrow.token ? 'narrow' : 'holder';
        const left = await leftFor(agent);
        for (const operation of tools.filter(
          ({ name }) => SESSION_MAY[name] === 'foreign' || !left.has(name),
        )) {
          const answer = await callTool(
            stage,
            token,
            operation.tool?.name ?? '',
            inputFor(operation, things),
          );
          const expected = left.has(operation.name) ? /"not_found/ : /not found|"error"/i;
          const name = `${operation.tool?.name} with ${what}: ${answer.text}`;
          assert.match(answer.text.replaceAll('\\', ''), expected, name);
          assert.match(answer.text, /"isError":true|"error"/, name);
          assert.ok(!answer.text.includes('price list'), name);
        }
        for (const name of ['approve_draft', 'draft.approve', 'edit_draft', 'vault.rotate', 'sql_query'])
          assert.match(
            (await callTool(stage, token, name, { id: things.drafts })).text,
            /"error"|"isError":true/,
            name,
          );
      }
    });
  });

  it('is worth what its turn was granted: less at once when the rules say less, not more when they say more', async () => {
    const { gateway } = stage;
    const version = async () => (await gateway.get<{ version: string }>('/v1/rules')).version;
    const before = await version();
    await gateway.rules(
      'rules.yaml',
      stage.rules
        .replace(/holder: (.*) may: \{[^}]*\}/, 'holder: $1 may: { reply: approve, tools: [get_thread] }')
        .replace(/narrow: (.*) may: \{[^}]*\}/, 'narrow: $1 may: { reply: approve, recipients: any }'),
    );
    await gateway.until(async () => (await version()) !== before);
    const own = thingsOf(stage, 'narrow');
    const ask403 = async (token: string | null, name: string, about: Things): Promise<void> => {
      const operation = operations.find((one) => one.name === name) as Operation;
      const { status, text } = await ask(stage, operation, token, inputFor(operation, about));
      assert.equal(status, 403, `${name}: ${text}`);
    };
    await changesNothing(async () => {
      for (const name of ['message.get', 'message.reply', 'draft.update', 'attachment.read'])
        await ask403(mine, name, things);
      for (const name of ['message.get', 'message.reply', 'message.label'])
        await ask403(narrow.token, name, { ...things, ...own });
    });
  });

  /** The operations that a session of this agent may call. */
  async function leftFor(agent: string): Promise<ReadonlySet<string>> {
    const { agents } = await stage.gateway.get<{ agents: Record<string, never> }>('/v1/rules');
    const principal = principalOf(agent);
    const tools = toolsFor(principal, operations, { agents: new Map(Object.entries(agents)) });
    const names = new Set(tools.map(({ name }) => name));
    const left = operations.filter(({ permission, tool, ofTool }) => {
      const needed = tool?.name ?? ofTool;
      return permits(principal, permission) && (needed === undefined || names.has(needed));
    });
    return new Set(left.map(({ name }) => name));
  }

  const ofKind = (kind: 'foreign' | 'list' | 'own'): Operation[] =>
    operations.filter(({ name }) => SESSION_MAY[name] === kind);

  /** @param asked fields whose own value an error may repeat */
  function assertShowsNothing(text: string, what: string, asked: readonly string[] = []): void {
    const isError = text.includes('"status":4');
    if (isError) {
      assert.ok(!text.includes('price list'), what);
      return;
    }
    for (const [name, id] of Object.entries(things)) {
      if (asked.includes(name) || name === 'digest' || name.startsWith('account')) continue;
      assert.ok(!text.includes(id), `${what} shows the ${name}`);
    }
  }
});

const principalOf = (agent: string): SessionPrincipal => ({
  ...{ kind: 'session', sessionId: 'ses_1', accountId: 'acc_1', threadId: 'thr_1', agent },
});
