import type { SessionSelector } from '@rekey/breakglass'

/** Sessions that are to end: of those that a selector names, what was issued before a moment. */
export interface Selected {
  selector: SessionSelector
  /** Milliseconds since the epoch, by the clock of the database. */
  issuedBefore: number
}

/** Whose they are, where that is an agent's: its id. */
export function agentOf(selector: SessionSelector): string | undefined {
  if ('sub' in selector) return selector.sub
  return 'clientId' in selector ? selector.clientId : undefined
}

/** Would the sessions of a client end as such, and not only with everybody's? */
export function endsOwn(selectors: readonly SessionSelector[], clientId: string): boolean {
  return selectors.some((selector) => agentOf(selector) === clientId)
}
