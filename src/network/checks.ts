// Collects the steps of a test: what each found, how long it took, and why the first that failed did.
import type { CheckStep, SignInCheck, StepName } from '../contracts/check.ts';
import { PosternError } from '../kernel/errors.ts';

export interface Found {
  message: string;
  hint?: string | null;
  details?: Record<string, unknown>;
}

/** Notes what a step knows already, to be shown where it fails later. */
export type Note = (details: Record<string, unknown>) => void;

export class Checks {
  readonly steps: CheckStep[] = [];

  /** @param understand makes what `work` throws an error in our words; that is thrown on. */
  async step(
    step: StepName,
    work: (note: Note) => Promise<Found>,
    understand: (error: unknown) => PosternError,
  ): Promise<void> {
    const begun = performance.now();
    let noted: Record<string, unknown> = {};
    const add = (ok: boolean, { message, hint, details }: Found): void => {
      const ms = Math.round(performance.now() - begun);
      this.steps.push({ step, ok, message, hint: hint ?? null, ms, details: details ?? noted });
    };
    try {
      const found = await work((details) => {
        noted = details;
      });
      add(true, found);
    } catch (error) {
      const failure = understand(error);
      add(false, { message: failure.message, hint: failure.hint ?? null });
      throw failure;
    }
  }
}

/** The whole in a sentence: why it failed, or that it works and the first thing to look out for. */
export function checkResult(
  steps: CheckStep[],
  failure: PosternError | null,
  success: { message: string; capabilities: string[] },
): SignInCheck {
  const { capabilities } = success;
  if (failure) {
    const { code, message, hint } = failure;
    return { ok: false, code, message, hint: hint ?? null, capabilities, steps };
  }
  const hint = steps.find((step) => step.hint !== null)?.hint ?? null;
  return { ok: true, code: 'ok', message: success.message, hint, capabilities, steps };
}

/** A failure that nobody foresaw is told with its own words. */
export const asPosternError = (error: unknown): PosternError =>
  error instanceof PosternError
    ? error
    : new PosternError('internal', error instanceof Error ? error.message : String(error), { cause: error });
