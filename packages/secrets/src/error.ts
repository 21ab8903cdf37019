/**
 * What went wrong, for programs.
 *
 * Vault: `VAULT_UNAVAILABLE` (sealed, slow, out of reach, overloaded: it may go through later), `VAULT_REFUSED` (the token
 * or its policy, the mount, the namespace: somebody has to do something first), `VAULT_SETTINGS_INVALID`. Sources:
 * `SOURCE_INVALID` (what names it, or what stands there), `SOURCE_MISSING` (there is nothing), `SOURCE_UNAVAILABLE` (it
 * cannot be read, or changed, now), `SOURCE_NOT_WRITABLE`.
 */
export type SecretsErrorCode =
  | 'SOURCE_INVALID'
  | 'SOURCE_MISSING'
  | 'SOURCE_NOT_WRITABLE'
  | 'SOURCE_UNAVAILABLE'
  | 'VAULT_REFUSED'
  | 'VAULT_SETTINGS_INVALID'
  | 'VAULT_UNAVAILABLE'

/** The error class of this package. Its message holds no secret, and nothing that a Vault or a program said. */
export class SecretsError extends Error {
  override readonly name = 'SecretsError'
  readonly code: SecretsErrorCode

  constructor(code: SecretsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
