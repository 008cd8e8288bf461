// All operations, in the order in which documents and help show them.
import { accountOperations } from './operations/account.ts';
import { accountCheckOperations } from './operations/account-check.ts';
import { agentOperations } from './operations/agent.ts';
import { agentMailOperations } from './operations/agent-mail.ts';
import { agentTurnOperations } from './operations/agent-turn.ts';
import { artifactOperations } from './operations/artifact.ts';
import { attachmentOperations } from './operations/attachment.ts';
import { auditOperations } from './operations/audit.ts';
import { broadcastOperations } from './operations/broadcast.ts';
import { connectorDownloadOperations } from './operations/connector-download.ts';
import { connectorReadOperations } from './operations/connector-read.ts';
import { connectorWriteOperations } from './operations/connector-write.ts';
import { deliveryOperations } from './operations/delivery.ts';
import { digestOperations } from './operations/digest.ts';
import { domainOperations } from './operations/domain.ts';
import { draftOperations } from './operations/draft.ts';
import { endpointOperations } from './operations/endpoint.ts';
import { knowledgeOperations } from './operations/knowledge.ts';
import { linkOperations } from './operations/link.ts';
import { messageOperations } from './operations/message.ts';
import { messageChangeOperations } from './operations/message-change.ts';
import { oauthOperations } from './operations/oauth.ts';
import { objectOperations } from './operations/object.ts';
import { operateOperations } from './operations/operate.ts';
import { parseOperations } from './operations/parse.ts';
import { queryOperations } from './operations/query.ts';
import { ruleByNameOperations, ruleOperations } from './operations/rule.ts';
import { madeRuleOperations } from './operations/rule-made.ts';
import { ruleTestOperations } from './operations/rule-test.ts';
import { sessionOperations } from './operations/session.ts';
import { sourceOperations } from './operations/source.ts';
import { sqlOperations } from './operations/sql.ts';
import { submissionOperations } from './operations/submission.ts';
import { submissionRawOperations } from './operations/submission-raw.ts';
import { suppressionOperations } from './operations/suppression.ts';
import { templateOperations } from './operations/template.ts';
import { uploadOperations } from './operations/upload.ts';
import { accountTransferOperations, vaultOperations } from './operations/vault.ts';
import { watchOperations } from './operations/watch.ts';
import type { Operation } from './registry.ts';

const ownOperations: readonly Operation[] = [
  ...accountTransferOperations,
  ...accountOperations,
  ...accountCheckOperations,
  ...oauthOperations,
  ...connectorReadOperations,
  ...connectorDownloadOperations,
  ...connectorWriteOperations,
  ...queryOperations,
  ...sourceOperations,
  ...messageOperations,
  ...attachmentOperations,
  ...messageChangeOperations,
  ...agentMailOperations,
  ...parseOperations,
  ...ruleOperations,
  ...ruleTestOperations,
  ...ruleByNameOperations,
  ...madeRuleOperations,
  ...deliveryOperations,
  ...knowledgeOperations,
  ...agentOperations,
  ...sessionOperations,
  ...agentTurnOperations,
  ...endpointOperations,
  ...draftOperations,
  ...artifactOperations,
  ...objectOperations,
  ...uploadOperations,
  ...linkOperations,
  ...submissionOperations,
  ...submissionRawOperations,
  ...suppressionOperations,
  ...digestOperations,
  ...broadcastOperations,
  ...domainOperations,
  ...templateOperations,
  ...watchOperations,
  ...operateOperations,
  ...auditOperations,
  ...vaultOperations,
];

export const operations: readonly Operation[] = [...ownOperations, ...sqlOperations(ownOperations)];
