/** Why an incident's procedure did not go on. Stable: printed by the command line, answered by the API. */
export type BreakGlassErrorCode =
  /** What was asked for is malformed; `facts.path` says where. */
  | 'PLAN_INVALID'
  /** What was asked for does not contain what happened; the message says why. */
  | 'FALSE_REMEDY'
  /** Nobody knows a key of this id. */
  | 'UNKNOWN_KID'
  /** The procedure would take away what one of its own later steps needs. */
  | 'SELF_LOCK'
  /** The store may have leaked, and what would take over is sealed by a root key that may have leaked with it. */
  | 'ROOT_KEY_NOT_REPLACED'
  /** There is an incident of this id, about another key or with another plan. */
  | 'INCIDENT_DIFFERS'
  | 'UNKNOWN_INCIDENT'
  /** Somebody else carries this incident out at the moment. */
  | 'INCIDENT_CLAIMED'
  /** The identity provider does not answer, or cannot serve. What was done is kept; `resume` goes on. */
  | 'PROVIDER_UNREACHABLE'
  /** The identity provider refused; `facts.code` is its own code. */
  | 'PROVIDER_REFUSED'
  /** A command of the operator's own failed. */
  | 'COMMAND_FAILED'
  /** A file cannot be read or written. */
  | 'FILE_FAILED'
  /** What is given as evidence is none, or cannot be read. */
  | 'EVIDENCE_INVALID'
  | 'INTERRUPTED'

/** The error of this package. `facts` never hold a secret. */
export class BreakGlassError extends Error {
  override readonly name = 'BreakGlassError'
  readonly code: BreakGlassErrorCode
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: BreakGlassErrorCode, message: string, facts: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.facts = facts
  }
}
