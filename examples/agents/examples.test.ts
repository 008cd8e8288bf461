// Every example of an agent, run on a mail as `postern agent try` runs it: with a gateway of its own, and nothing leaves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type TrialOptions, type TrialResult, tryAgent } from '../../src/sandbox/agent-trial.ts';
import { type ChatServer, eventIn, startChatServer, toolAnswers } from '../../test/support/chat-server.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;

const told: string[] = [];
async function trial(agent: string, mails: string[], more: Partial<TrialOptions> = {}): Promise<TrialResult> {
  told.length = 0;
  const raw = await Promise.all(mails.map((name) => readFile(join(HERE, 'mails', `${name}.eml`))));
  const options: TrialOptions = {
    ...{ agent, mails: raw, answers: [], feedback: [], rulesDir: HERE, address: null },
    ...{ templatesDir: join(PROJECT, 'templates'), isAsserted: false, keep: false },
    ...more,
  };
  return tryAgent(options, (part, text) => told.push(`${part} ${text}`), new AbortController().signal);
}
const toolsCalled = ({ record }: TrialResult): unknown[] =>
  record.filter(({ kind }) => kind === 'called').map(({ data }) => data.call);

describe('the examples of agents', () => {
  before(() => process.chdir(PROJECT)); // where the paths in their commands begin

  it('in Python: replies over REST, and hears that a person decides', { skip: !hasPython }, async () => {
    const result = await trial('order-status', ['order']);
    assert.deepEqual(toolsCalled(result), ['reply_to_message']);
    const [draft, ...none] = result.drafts;
    assert.deepEqual(none, []);
    assert.match(draft?.text ?? '', /PO-10042: left our warehouse on Thursday\.\nPO-99999: we have no order/);
    assert.equal(draft?.state, 'waiting');
    assert.ok(told.includes('stderr the reply is waiting'), told.join('\n'));
    assert.deepEqual(result.sent, []);
  });

  it('in Python: what a hostile mail says moves it to nothing', { skip: !hasPython }, async () => {
    const result = await trial('order-status', ['hostile']);
    assert.deepEqual(
      result.drafts.map(({ to, cc, bcc }) => [to, cc, bcc].flat().map(({ address }) => address)),
      [['eve@evil.example']],
    );
    assert.match(result.drafts[0]?.text ?? '', /PO-10043: is being made/);
  });

  it('in a shell: labels what is urgent, and writes nothing', async () => {
    const result = await trial('labeller', ['meeting']);
    assert.equal(result.session?.state, 'done');
    assert.equal(result.session?.summary, 'Labelled as urgent.');
    assert.deepEqual(result.drafts, []);
    assert.equal((await trial('labeller', ['order'])).session?.summary, 'Not urgent.');
  });

  it('asks a person, and goes on with the answer and with the feedback', async () => {
    const decisions = { answers: ['Tuesday at ten.'], feedback: ['Wednesday at two'] };
    const result = await trial('ask-first', ['meeting'], decisions);
    assert.equal(result.session?.turns, 3);
    assert.deepEqual(
      result.drafts.map(({ state, text }) => [state, /We propose: (.*)\./.exec(text)?.[1]]),
      [
        ['rejected', 'Tuesday at ten'],
        ['waiting', 'Wednesday at two'],
      ],
    );
    const asked = await trial('ask-first', ['meeting']);
    assert.equal(asked.session?.state, 'waiting-for-answer');
    assert.match(asked.session?.question ?? '', /ben@partner\.example asks for a meeting: “Could we meet/);
  });

  it('over MCP: uses its tools by the official client', async () => {
    const result = await trial('with-mcp', ['order']);
    assert.deepEqual(toolsCalled(result), ['get_thread', 'reply_to_message', 'finish']);
    assert.match(result.drafts[0]?.text ?? '', /one mail in this conversation/);
    assert.equal(result.session?.summary, 'The reply is waiting.');
    assert.ok(told.some((line) => /^stderr tools: .*reply_to_message/.test(line)));
  });

  describe('with a model', () => {
    let chat: ChatServer;
    let folder: string;
    before(async () => {
      chat = await startChatServer();
      folder = await mkdtemp(join(tmpdir(), 'postern-model-'));
      await cp(join(HERE, 'assistant.md'), join(folder, 'assistant.md'));
      const rules = await readFile(join(HERE, 'rules.yaml'), 'utf8');
      await writeFile(join(folder, 'rules.yaml'), rules.replace(/url: http:\S+/, `url: "${chat.url}"`));
    });
    after(async () => {
      await chat?.close();
      if (folder) await rm(folder, { recursive: true, force: true });
    });

    it('answers by its tools, with the instructions of its file', async () => {
      chat.answer = (request) => {
        const { id } = eventIn(request).data.message as { id: string };
        if (toolAnswers(request).length > 0)
          return { calls: [{ name: 'finish', input: { summary: 'Answered.' } }] };
        return { calls: [{ name: 'reply_to_message', input: { id, text: 'Thank you, Ann.' } }] };
      };
      const result = await trial('assistant', ['order'], { rulesDir: folder });
      assert.deepEqual(toolsCalled(result), ['reply_to_message', 'finish']);
      assert.match(result.drafts[0]?.text ?? '', /^Thank you, Ann\./);
      assert.match(chat.requests[0]?.raw ?? '', /sells office furniture/);
    });
  });
});

describe('postern agent try', () => {
  const rulesWith = async (agents: string): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'postern-trial-rules-'));
    after(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'rules.yaml'), `agents:\n${agents}`);
    return folder;
  };
  const saying = (actions: object[], may = '{}'): string =>
    `  it: { run: { command: [node, -e, 'console.log(${JSON.stringify(JSON.stringify({ actions }))})'] }, may: ${may} }\n`;

  it('shows what is refused, and by which rule of policy', async () => {
    const rulesDir = await rulesWith(
      saying(
        [{ type: 'send', to: ['eve@evil.example'], subject: 'x', text: 'y' }, { type: 'done' }],
        '{ reply: auto }',
      ),
    );
    const { record, drafts, sent } = await trial('it', ['order'], { rulesDir });
    const refused = record.filter(({ kind }) => kind === 'refused').map(({ data }) => data);
    assert.equal(refused.length, 1);
    assert.match(JSON.stringify(refused), /does not allow eve@evil\.example as a recipient/);
    assert.ok(
      told.some((line) => line.startsWith('refused call: send')),
      told.join('\n'),
    );
    assert.deepEqual([drafts, sent], [[], []]);
  });

  it('shows what would leave by itself, which ends in this process', async () => {
    const rulesDir = await rulesWith(saying([{ type: 'reply', text: 'Yes.' }], '{ reply: auto }'));
    const { drafts, sent } = await trial('it', ['order'], { rulesDir, isAsserted: true });
    assert.deepEqual(
      drafts.map(({ state }) => state),
      ['approved'],
    );
    assert.deepEqual(
      sent.map(({ to }) => to),
      [['ann@prospect.example']],
    );
    const unsure = await trial('it', ['order'], { rulesDir });
    assert.deepEqual(
      [unsure.drafts.map(({ state }) => state), unsure.sent],
      [['waiting'], []],
      'nobody vouches for the sender',
    );
  });

  it('ends with the first failure, and shows what the agent said', async () => {
    const rulesDir = await rulesWith(
      `  it: { run: { command: [node, -e, 'console.error("the cause"); process.exit(3)'] } }\n`,
    );
    await trial('it', ['order'], { rulesDir });
    assert.ok(
      told.some((line) => /^failed .*exit code 3/.test(line)),
      told.join('\n'),
    );
    assert.ok(told.includes('stderr the cause'), told.join('\n'));
  });

  it('names the agents that there are', async () => {
    await assert.rejects(trial('order-stauts', ['order']), /did you mean `order-status`/);
  });
});
