// All commands: those of the registry, some of them made friendlier, and those that need no gateway.
import { operations } from '../operations.ts';
import type { Operation } from '../registry.ts';
import { accountAdd, accountUpdate } from './account-commands.ts';
import { agentTry } from './agent-try-command.ts';
import { broadcastApprove, broadcastCreate, broadcastShow } from './broadcast-commands.ts';
import { accountTest, imapValidate, webhookTest } from './check-commands.ts';
import { type Command, commandOf, type Special } from './command.ts';
import { takesMail } from './connector-commands.ts';
import { accountDiscover } from './discover-commands.ts';
import { domainCheck, domainRotate, domainShow } from './domain-commands.ts';
import { draftApprove, draftEdit, draftRaw, draftShow } from './draft-commands.ts';
import { parse } from './local-commands.ts';
import { mcpCommand } from './mcp-command.ts';
import { accountSignIn } from './oauth-commands.ts';
import { objectAdd } from './object-commands.ts';
import { rulesCheck, rulesList, rulesSchemaCommand, rulesTest } from './rule-commands.ts';
import { sourceStream } from './source-commands.ts';
import { sqlCommand } from './sql-command.ts';
import { submissionCreate } from './submission-commands.ts';
import { templateCheckCommand, templateRender } from './template-commands.ts';
import { accountExport, accountImport } from './transfer-commands.ts';
import { firstLook, watchStatus, watchSweep } from './watch-commands.ts';

const named = (name: string): Operation => {
  const found = operations.find((operation) => operation.name === name);
  if (!found) throw new Error(`the registry has no operation ${name}`);
  return found;
};

const specials: Readonly<Record<string, Special>> = {
  'account.add': { ...accountAdd, after: firstLook(named('watch.status')) },
  'account.update': accountUpdate,
  'account.test': accountTest,
  'account.test_settings': { ...accountAdd, ...accountTest },
  'account.discover': accountDiscover,
  'imap.validate': imapValidate,
  'endpoint.test': webhookTest,
  'imap.parse_message': takesMail,
  'imap.append_message': takesMail,
  'imap.download_message': draftRaw,
  'artifact.download': draftRaw,
  'domain.add': domainShow,
  'domain.get': domainShow,
  'domain.check': domainCheck,
  'domain.rotate': domainRotate,
  'domain.remove_key': domainShow,
  'broadcast.get': broadcastShow,
  'broadcast.create': broadcastCreate,
  'draft.get': draftShow,
  'draft.edit': draftEdit,
  'draft.raw': draftRaw,
  'submission.raw': draftRaw,
  'rules.list': rulesList,
  'submission.create': submissionCreate,
  'suppression.export': draftRaw,
  'watch.status': watchStatus,
  'watch.sweep': watchSweep,
};

/** In the order in which help shows them. */
export function allCommands(): Command[] {
  const replaced = new Map<string, Command>([
    ['draft.approve', draftApprove(named('draft.approve'), named('draft.get'))],
    ['broadcast.approve', broadcastApprove(named('broadcast.approve'), named('broadcast.get'))],
    ['rules.test', rulesTest(named('rules.test'))],
    ['template.preview', templateRender(named('template.preview'))],
  ]);
  const ofRegistry = operations.flatMap((operation) => {
    const command = replaced.get(operation.name) ?? commandOf(operation, specials[operation.name]);
    return command ? [command] : [];
  });
  const sql = sqlCommand(named('sql.query'), named('sql.schema'));
  const stream = sourceStream(named('source.acknowledge'));
  return [
    ...ofRegistry,
    accountExport(named),
    accountImport(named),
    accountSignIn(named),
    objectAdd(named('object.add')),
    stream,
    sql,
    mcpCommand,
    agentTry,
    rulesCheck,
    rulesSchemaCommand,
    templateCheckCommand,
    parse,
  ];
}
