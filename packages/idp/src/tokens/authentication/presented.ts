import { decodeUnverified } from '@rekey/verifier'
import { OAuthError } from '../../error.ts'
import { assertionType, type Form } from '../form.ts'

/** Id and secret of a client, not yet checked. */
export interface PresentedSecret {
  clientId: string
  secret: string
}

/** An assertion (RFC 7523) and the client that it says it is of, not yet checked. */
interface PresentedAssertion {
  clientId: string
  assertion: string
}

/** What a client presented, not yet checked. */
export type Presented = PresentedSecret | PresentedAssertion

/** The ways to authenticate that are understood here, as metadata names them. */
export const authenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
] as const

/** Why a request carries nothing that any client could authenticate by, as the audit says it. */
export type NoCredentialCause = 'credential_missing' | 'credential_malformed'

export class NoCredential extends OAuthError {
  readonly why: NoCredentialCause

  constructor(why: NoCredentialCause, description: string) {
    super('invalid_client', description)
    this.why = why
  }
}

/**
 * Reads client_secret_basic, client_secret_post (RFC 6749 §2.3.1), client_secret_jwt or private_key_jwt (RFC 7523 §2.2).
 *
 * @throws NoCredential when there is none or it is malformed; OAuthError `invalid_request` when two are used at once
 *   (RFC 6749 §2.3) or `client_id` names another client
 */
export function presentedBy(authorization: string | undefined, form: Form): Presented {
  const { client_id: clientId, client_secret: secret } = form
  const isAsserted = form.client_assertion !== undefined || form.client_assertion_type !== undefined
  const isInHeader = authorization !== undefined
  if ((isInHeader && (isAsserted || secret !== undefined)) || (isAsserted && secret !== undefined)) throw twoWays()
  if (!isInHeader && !isAsserted) return secretInForm(clientId, secret)
  const presented = isInHeader ? inHeader(authorization) : asserted(form)
  if (clientId === undefined || clientId === presented.clientId) return presented
  throw new OAuthError('invalid_request', 'client_id is not the client that authenticates')
}

/**
 * Is it an opaque token that this request is made by?
 *
 * @throws OAuthError `invalid_request` when it carries a client's credential as well
 */
export function isByBearer(authorization: string | undefined, form: Form): boolean {
  if (!/^Bearer /i.test(authorization ?? '')) return false
  if (form.client_secret !== undefined || form.client_assertion !== undefined) throw twoWays()
  return true
}

/** @returns `undefined` for anything that is not a well-formed Basic credential (RFC 7617, with RFC 6749's encoding) */
export function basicCredential(authorization: string): PresentedSecret | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (!encoded) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const clientId = formDecoded(text.slice(0, colon))
  const secret = formDecoded(text.slice(colon + 1))
  return clientId && secret && isPrintable(clientId) ? { clientId, secret } : undefined
}

function twoWays(): OAuthError {
  return new OAuthError('invalid_request', 'authenticate in one way, not in two')
}

function malformed(description: string): NoCredential {
  return new NoCredential('credential_malformed', description)
}

function inHeader(authorization: string): PresentedSecret {
  const basic = basicCredential(authorization)
  if (!basic) throw malformed('the Authorization header is no Basic credential')
  return basic
}

function secretInForm(clientId: string | undefined, secret: string | undefined): PresentedSecret {
  if (!clientId || !secret) throw new NoCredential('credential_missing', 'no client credential was given')
  if (!isPrintable(clientId)) throw malformed('client authentication failed')
  return { clientId, secret }
}

/** Whose it is stands in the assertion itself: nothing but the choice of the client to check it by hangs on that. */
function asserted({ client_assertion: assertion, client_assertion_type: type }: Form): PresentedAssertion {
  if (type !== assertionType) throw malformed(`client_assertion_type must be ${assertionType}`)
  const clientId = assertion === undefined ? undefined : decodeUnverified(assertion)?.payload.sub
  if (assertion === undefined || typeof clientId !== 'string' || !isPrintable(clientId)) {
    throw malformed('client_assertion is no JWT of a client')
  }
  return { clientId, assertion }
}

/** RFC 6749 §A.1: client ids are visible characters. Anything else is nobody's, and PostgreSQL refuses some of it. */
export function isPrintable(clientId: string): boolean {
  return /^[\x20-\x7e]{1,200}$/.test(clientId)
}

function formDecoded(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // A malformed escape is the caller's mistake, reported like any other credential that is none.
    return undefined
  }
}
