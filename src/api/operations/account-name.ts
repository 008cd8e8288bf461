// How an account is named in an input.
import { z } from 'zod';

/** An id (`acc_…`) or a label. */
export const accountName = z.string().min(1).max(100);
