// Rules wired: those of the files and those that were made over REST, and what listeners hear of them.
import type { Bus } from '../cluster/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Store } from '../store/store.ts';
import { MadeRules, madeSource } from './made-rules.ts';
import { RulesSource } from './source.ts';

export interface RuleRoomParts {
  store: Store;
  clock: Clock;
  bus: Bus;
  log: Logger;
  folder: string;
  /** False: the rules made over REST are kept and not in force. */
  isMadeInForce: boolean;
}

export interface RuleRoom {
  rules: RulesSource;
  madeRules: MadeRules;
}

export function registerRules({ store, clock, bus, log, folder, isMadeInForce }: RuleRoomParts): RuleRoom {
  const files = { folder, log: log.child({ part: 'rules' }) };
  const rules = new RulesSource(isMadeInForce ? { ...files, made: madeSource(store) } : files);
  rules.on('changed', (set) =>
    bus.publish('rules.changed', { version: set.version, rules: set.rules.length }),
  );
  rules.on('refused', (problems) => bus.publish('rules.refused', { problems: problems.length }));
  return { rules, madeRules: new MadeRules({ store, clock, source: rules }) };
}
