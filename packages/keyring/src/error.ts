export type KeyringErrorCode =
  | 'ILLEGAL_TRANSITION'
  | 'INVALID_DURATION'
  | 'INVALID_NAME'
  | 'KEYRING_CLOSED'
  | 'NO_SUCCESSOR'
  | 'NOTHING_TO_ROLL_BACK'
  | 'POLICY_INVALID'
  | 'ROTATION_UNDER_WAY'
  | 'STORE_DAMAGED'
  | 'UNKNOWN_KEYRING'
  | 'UNKNOWN_VERSION'
  | 'VERSION_REUSED'

/**
 * A refusal by the lifecycle. `code` is stable; `facts` are safe to show to an operator (never key material).
 */
export class KeyringError extends Error {
  override readonly name = 'KeyringError'
  readonly code: KeyringErrorCode
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: KeyringErrorCode, message: string, facts: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.facts = facts
  }
}
