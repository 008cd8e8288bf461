// Every rule of the policy by its stable code, with what it does and why: what a refusal is recorded under, what a person
// is told of, and what docs/policy.md lists.

/**
 * `refuse`: nothing is made of the mail. `ask`: it waits for a person. `remove`: what the rule is about is taken out, and a
 * person is asked. `note`: told to the person who is asked for another reason; alone it holds nothing.
 */
export type Effect = 'refuse' | 'ask' | 'remove' | 'note';

const RULES = {
  reply_never: ['refuse', 'The policy says `reply: never`.'],
  unanswerable: [
    'refuse',
    'The mail that is answered was written by a machine, or by this gateway (RFC 3834).',
  ],
  no_recipient: ['refuse', 'The mail goes to nobody.'],
  recipient_not_allowed: ['refuse', '`recipients` does not allow one of the recipients.'],
  bcc_not_allowed: ['refuse', '`bcc` does not allow a blind copy.'],
  reply_to_not_allowed: ['refuse', '`reply_to` does not allow that answers go there.'],
  attachment_not_allowed: [
    'refuse',
    '`attach` does not allow a file: any at all, its own, or one of another conversation.',
  ],
  template_not_allowed: ['refuse', '`templates` does not name the template.'],
  label_not_allowed: ['refuse', '`label` is false, or the label is a system flag.'],
  move_not_allowed: ['refuse', '`move` does not name the folder.'],
  unwritable: ['refuse', 'The mail cannot be written: an address is none, or its parts do not fit together.'],
  gateway_secret: ['refuse', 'A token, key or password of this gateway stands in the mail.'],
  unsafe_link: [
    'refuse',
    'A link runs a script or carries its content: `javascript:`, `data:`, `vbscript:`, `file:`, `blob:`.',
  ],
  misleading_link: [
    'refuse',
    'A link shows one address and leads to another, or hides where it leads behind a name.',
  ],
  too_long: ['refuse', 'The mail is longer, or has more links, than what is looked through.'],
  mails_limit: ['refuse', 'The agent has written as many mails as `limits.mails` allows.'],
  drafts_limit: ['refuse', 'The turn has written as many mails as `limits.drafts` allows.'],
  burst: [
    'refuse',
    'The agent writes more at a stretch than `limits.burst` allows: it is paused and the operator told.',
  ],
  calls_limit: ['refuse', 'The turn has made as many calls as `limits.calls` allows.'],
  bytes_limit: ['refuse', 'The turn has read as much as `limits.bytes` allows.'],
  suppressed: ['refuse', 'A recipient is on the suppression list.'],
  agent_gone: ['refuse', 'The agent is not in the rules any more.'],

  approve: ['ask', 'The policy says `reply: approve`.'],
  unverified: [
    'ask',
    'The sender of a mail that the agent has read is not verified; with `needs_approval_when: [unverified]` also where he is only asserted.',
  ],
  suspicious: [
    'ask',
    'A mail that the agent has read is suspicious: it may pretend to be from somebody known.',
  ],
  outsider: ['ask', 'Somebody came into the conversation from outside of it.'],
  outside_content: [
    'ask',
    'The agent has read what others wrote outside of the conversation: mail, documents or files.',
  ],
  tainted_recipient: [
    'ask',
    'The session is tainted, and the mail goes to somebody who is not of the conversation.',
  ],
  tainted_attachment: [
    'ask',
    'The session is tainted, and the mail takes a file of another conversation along.',
  ],
  foreign_attachment: ['ask', 'The mail takes a file of another conversation along.'],
  foreign_mail: ['ask', 'The mail answers or forwards one of another conversation.'],
  reply_to_elsewhere: ['ask', 'Only a Reply-To says that the answer goes to a recipient.'],
  first_contact: ['ask', '`needs_approval_when: [first_contact]`: nobody has written to a recipient before.'],
  outside_domain: [
    'ask',
    '`needs_approval_when: [outside_domain]`: a recipient is of another domain than the account.',
  ],
  attachment: ['ask', '`needs_approval_when: [attachment]`: the mail has files.'],
  new_link_domain: [
    'ask',
    '`needs_approval_when: [new_link_domain]`: a link leads where no mail of the conversation does. Without that, the person who is asked for another reason is told of it.',
  ],
  amount: ['ask', '`needs_approval_when: [amount: N]`: the mail names more money than that.'],
  outside_hours: ['ask', '`needs_approval_when: [outside_hours: …]`: it is written outside of these hours.'],
  words: ['ask', '`needs_approval_when: [words: […]]`: one of these words stands in the mail.'],
  credential: ['ask', 'Something in the mail looks like a key or a password of some service.'],
  elsewhere: [
    'ask',
    'A number or a passage in the mail stands in another conversation of the account, and not in this one.',
  ],
  link_carries_data: ['ask', 'A link has much or random text in it, as one that carries data away has.'],
  odd_link: [
    'ask',
    'A link leads to an IP address, a name without a domain, or a domain in look-alike letters, or fills in a mail.',
  ],
  written_before: [
    'ask',
    'An earlier attempt of the turn has written another mail, and failed or was ended: a program that runs again does not know of it.',
  ],
  parts_differ: ['ask', 'The text and the HTML of the mail do not say the same.'],

  remote_content: ['remove', 'The HTML would fetch something: an image, a style sheet, a font, a frame.'],
  active_content: ['remove', 'The HTML has a script, a form, an embedded object or a handler.'],
  hidden_text: [
    'remove',
    'Text that its reader would not see: hidden elements, comments, zero-width and bidirectional characters.',
  ],
  markdown_fetch: [
    'remove',
    'An image or a reference link in Markdown, which some programs fetch by themselves.',
  ],
} as const satisfies Record<string, readonly [Effect, string]>;

export type PolicyRule = keyof typeof RULES;

export interface RuleEntry {
  rule: PolicyRule;
  effect: Effect;
  /** A sentence in Markdown. */
  about: string;
}

export const policyRules: readonly RuleEntry[] = Object.entries(RULES).map(([rule, [effect, about]]) => ({
  rule: rule as PolicyRule,
  effect,
  about,
}));

/** One thing that the policy has to say of a mail. */
export interface Finding {
  rule: PolicyRule;
  effect: Effect;
  /** For a person: a refusal is the end of a sentence, anything else a whole one. */
  text: string;
}

export type Verdict =
  | { verdict: 'refuse'; reasons: readonly Finding[] }
  /** Held until a person decides. */
  | { verdict: 'ask'; reasons: readonly Finding[] }
  /** Leaves by itself. */
  | { verdict: 'send'; reasons: readonly Finding[] };

/** Of a rule that has another effect than this one here (`new_link_domain` as a note), `effect` says so. */
export const finding = (rule: PolicyRule, text: string, effect: Effect = RULES[rule][0]): Finding => ({
  rule,
  effect,
  text,
});

const STANDS_ELSEWHERE = ', which stands in another conversation and not in this one.';
const LOOKED_AT = 'A person looks at it before it leaves.';

export const stoodElsewhere = (what: string): Finding =>
  finding('elsewhere', `It has ${what}${STANDS_ELSEWHERE}`);

/**
 * Reasons as the agent hears them. What stands in other conversations is not for it: else it could try numbers and
 * addresses until it is told which of them are there.
 */
export function reasonsForAgent(reasons: readonly string[]): string[] {
  const told = reasons.filter((reason) => !reason.endsWith(STANDS_ELSEWHERE));
  return told.length === 0 && reasons.length > 0 ? [LOOKED_AT] : told;
}

/** What follows from the findings: one that refuses is enough, and a note alone holds nothing. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  const once = [...new Map(findings.map((one) => [`${one.effect}\n${one.text}`, one])).values()];
  const refused = once.filter(({ effect }) => effect === 'refuse');
  if (refused.length > 0) return { verdict: 'refuse', reasons: refused };
  const asking = once.filter(({ effect }) => effect !== 'note');
  const said = new Set(asking.map(({ text }) => text));
  const notes = once.filter(({ effect, text }) => effect === 'note' && !said.has(text));
  return { verdict: asking.length > 0 ? 'ask' : 'send', reasons: [...asking, ...notes] };
}

const STRICTNESS = { send: 0, ask: 1, refuse: 2 };

/** The stricter of two verdicts, with the reasons of both where they agree. */
export function stricter(one: Verdict, other: Verdict): Verdict {
  const [a, b] = [STRICTNESS[one.verdict], STRICTNESS[other.verdict]];
  if (a !== b) return a > b ? one : other;
  const known = new Set(one.reasons.map(({ rule, text }) => `${rule}\n${text}`));
  const more = other.reasons.filter(({ rule, text }) => !known.has(`${rule}\n${text}`));
  return { ...one, reasons: [...one.reasons, ...more] };
}
