/** Where this client's private keys are, who else may read them, and what replaces them: a folder, or whoever gives a key. */
import type { JwkSet } from '@rekey/registration'
import type { SigningKey } from '../credentials/keys.ts'

/** What operators know these keys by. */
export const clientKeyringName = 'bff-client'

/** The keys by which this client authenticates. */
export interface ClientKeys {
  /** Nothing while the client is not registered yet, or has no name of its own. */
  clientId(): string | undefined
  /** The key to sign by now. It is another one as soon as any replica rotated. */
  current(): Promise<SigningKey | undefined>
  /** What is served at `/.well-known/jwks.json`: every key that somebody may still sign by. */
  published(): Promise<JwkSet>
  shown(): Promise<ShownKeys>
  /**
   * Makes another key, has the identity provider know it, and only then signs by it.
   *
   * @throws BffError `GIVEN_ELSEWHERE`, `IDP_UNAVAILABLE`
   */
  rotate(): Promise<void>
  close(): Promise<void>
}

/** Kids by what they are good for, and when their keys were made. */
export interface ShownKeys {
  readonly algorithm: string
  readonly signing: { readonly kid: string; readonly madeAt: number } | undefined
  readonly waiting: string | undefined
  /** Signed until the one that signs now took its place; nothing where that is not known. */
  readonly before: string | undefined
  /** Published still, signed by no more, oldest first. */
  readonly earlier: readonly string[]
  /** Published no more, oldest first. */
  readonly former: readonly string[]
  readonly rotateEveryMs: number
  readonly retireAfterMs: number
}
