// What SQL may see of whom no mail goes to, and of the reports that came back.
import { LABEL, type SqlView, view } from './sql-view.ts';

export const bounceViews: readonly SqlView[] = [
  view(
    'suppressions',
    'The addresses, and domains with an @ before them, to which no mail goes. list: null for every mail, * for all broadcasts.',
    {
      id: '',
      address: 't.value',
      account_id: "nullif(t.scope, '')",
      list: "nullif(t.list, '')",
      reason: '',
      note: '',
      source: '',
      created_by: '',
      'created_at:time': '',
      'expires_at:time': '',
    },
    'ledger.suppressions t',
  ),
  view(
    'bounces',
    'What reports said of recipients: bounces, delays, complaints. submission_id is null where nothing proves the report.',
    {
      id: '',
      message_id: '',
      account_id: '',
      account: LABEL,
      submission_id: '',
      address: '',
      report: '',
      kind: '',
      status: '',
      reason: '',
      diagnostic: '',
      remote_mta: '',
      matched_by: '',
      'created_at:time': '',
    },
    'ledger.bounces t',
  ),
];
