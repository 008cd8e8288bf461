/** From when to when a digest tells, epoch milliseconds. */
export interface Span {
  /** When it was made last, or would have been. */
  since: number;
  until: number;
}
