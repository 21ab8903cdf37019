import type { ChangeRecord } from '../changes/since.ts'

/** What keeps things in memory. Calls never overlap. */
export interface Viewer {
  /** Throw away everything cached, then read it anew. */
  reload(): Promise<void>
  /** Read again what changed. */
  apply(changes: ChangeRecord[]): Promise<void>
  /** The view was confirmed up to a revision. */
  confirmed?(revision: number): void
  /** The view fell back; `reason` is for the log. */
  lost?(reason: string): void
}
