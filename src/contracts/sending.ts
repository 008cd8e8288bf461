// How fast an account may send: what its provider, or its good name, allows.
import { z } from 'zod';

/** `null`: no limit, whatever the preset of the provider says. */
const most = z.number().int().min(1).max(10_000_000).nullable().optional();

const mailsPer = { per_minute: most, per_hour: most, per_day: most };
export const mailLimits = z.strictObject(mailsPer);
export type MailLimits = z.infer<typeof mailLimits>;

export const sendLimits = z.strictObject({
  ...mailsPer,
  recipients_per_day: most,
  /** To the recipients of any one domain. */
  recipient_domain: mailLimits.optional(),
  /** The same for some, by their names: `{ "gmail.com": { "per_hour": 100 } }`. */
  domains: z.record(z.string().min(1).max(253).toLowerCase(), mailLimits).optional(),
  /** To any one address. */
  recipient: mailLimits.optional(),
});
export type SendLimits = z.infer<typeof sendLimits>;

/** Of an account or a domain that nobody knows yet: so many mails on the first day, each day `factor` times as many. */
export const warmUp = z.strictObject({
  start: z.number().int().min(1).max(1_000_000).default(50),
  factor: z.number().min(1.01).max(10).default(1.5),
  /** From there on the plan is over. */
  until: z.number().int().min(1).max(10_000_000).default(5000),
});
export type WarmUp = z.infer<typeof warmUp>;

/** What the servers on the way are asked to report: what fails, what is late as well, or nothing. */
export const deliveryReports = z.enum(['failure', 'failure_delay', 'off']);
export type DeliveryReports = z.infer<typeof deliveryReports>;
