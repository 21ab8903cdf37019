/** Why a client is not registered as it should be. Stable. */
export type RegistrationErrorCode =
  /** There is nothing stored and no initial access token to register with. */
  | 'IAT_MISSING'
  /** The identity provider refused the initial access token: spent, expired, revoked or unknown. */
  | 'IAT_REFUSED'
  /** The identity provider refused the registration access token. */
  | 'RAT_INVALID'
  /** The identity provider no longer knows the client. */
  | 'CLIENT_GONE'
  /** The identity provider refused what the client wants to be. */
  | 'METADATA_REFUSED'
  /** One more key would exceed the cap, and every other one may be in use. */
  | 'TOO_MANY_KEYS'
  /** No connection, no reply in time, or only replies of 5xx and 429. */
  | 'IDP_UNREACHABLE'
  /** Any other reply that was not to be expected. */
  | 'IDP_REFUSED'
  /** A file could not be read or written. */
  | 'FILE_FAILED'
  /** Another process holds the folder. */
  | 'LOCKED'
  /** A setting is missing or malformed. */
  | 'CONFIG_INVALID'
  /** Administration of the identity provider is frozen during an incident. */
  | 'FROZEN'

/** An error for whoever administers the client: the message says what to do. It never holds a secret. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError'
  readonly code: RegistrationErrorCode

  constructor(code: RegistrationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Why a request had no reply: `fetch failed` alone tells nobody anything. */
export function causeOf(failure: unknown): string {
  const { name, message, cause } = failure as Error & { cause?: { code?: string; message?: string } }
  return cause?.code ?? (name === 'TimeoutError' ? 'no reply in time' : (cause?.message ?? message))
}

/** The code of a failed system call (`ENOENT`, `ENOSPC`, …), when that is what was thrown. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
