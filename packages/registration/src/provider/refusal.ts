import { RegistrationError, type RegistrationErrorCode } from '../error.ts'
import type { Reply } from './request.ts'

/** Which client an error is about, and the file in which its registration access token is. */
export interface Whose {
  readonly clientId: string
  readonly file: string
}

/** The error for a reply that does not do what was asked for: what it means to whoever administers the client. */
export function refusal(reply: Reply, asked: string): RegistrationError {
  const [code, advice] = meaning(reply)
  return new RegistrationError(
    code,
    `The identity provider answered ${reply.status} to ${asked} (${reply.excerpt}). ${advice}`,
  )
}

function meaning({ status, excerpt }: Reply): readonly [RegistrationErrorCode, string] {
  if (status === 423)
    return [
      'FROZEN',
      'Its administration is frozen during an incident: nothing was changed. Start again when that is over.',
    ]
  if (status === 400 || status === 413 || status === 422)
    return ['METADATA_REFUSED', /\bjwks_uri\b/.test(excerpt) ? JWKS_URI_REFUSED : METADATA_REFUSED]
  if (status >= 300 && status < 400)
    return ['IDP_REFUSED', 'That is a redirect, which no token follows: set IDP_BASE_URL to where it leads.']
  if (status === 404)
    return ['IDP_REFUSED', 'Check that IDP_BASE_URL is its address and that registration is switched on there.']
  if (status < 300) return ['IDP_REFUSED', 'That is not what a client registration looks like: check IDP_BASE_URL.']
  return [
    'IDP_REFUSED',
    'Nothing was changed. Ask whoever runs the identity provider, whose log says why, and start again when that is mended.',
  ]
}

const METADATA_REFUSED =
  'Nothing was changed. Correct what it names (DCR_CLIENT_PROFILE, DCR_CLIENT_ID, DCR_REDIRECT_URIS, the keys), and start again.'

const JWKS_URI_REFUSED =
  'Nothing was changed. Set DCR_JWKS_URI to a public https address; for one inside the network, or by http, whoever runs the identity provider ' +
  'has to allow its host there: REKEY_OUTBOUND_ALLOW=<host>:<port>. Then start again.'

// An initial access token that is not for this client cannot take a client_id that is in use.
const anewFor = ({ clientId }: Whose): string =>
  `set DCR_IAT and DCR_FORCE_REPLACE=true for one start to register anew (rekey dcr token create bff --client ${clientId}: ` +
  'with an initial access token that is not bound to this client, it gets another client_id)'

export const ratInvalid = (why: string, whose: Whose): RegistrationError =>
  new RegistrationError(
    'RAT_INVALID',
    `The registration access token of ${whose.clientId} in ${whose.file} is no good (${why}). An administrator must do one of these, and start again: ` +
      'set BOOTSTRAP_ADMIN_TOKEN, with which a new one is issued here; or issue one (rekey dcr client renew-token ' +
      `${whose.clientId}) and put it into ${whose.file} as registration_access_token; or ${anewFor(whose)}.`,
  )

export const adminRefused = (reply: Reply, whose: Whose): RegistrationError =>
  new RegistrationError(
    'RAT_INVALID',
    `The identity provider refused the registration access token of ${whose.clientId} in ${whose.file}, and answered ${reply.status} when BOOTSTRAP_ADMIN_TOKEN asked for a new one (${reply.excerpt}). ` +
      `Set BOOTSTRAP_ADMIN_TOKEN to a fresh token (rekey token --scope 'admin.api dcr.admin'), or ${anewFor(whose)}.`,
  )

/** A client that is suspended is refused whatever token it brings: another one would change nothing. */
export const isSuspended = ({ status, body }: Reply): boolean =>
  status === 403 && body.error === 'unauthorized_client' && /suspended/.test(String(body.error_description))

export const suspended = (reply: Reply, clientId: string): RegistrationError =>
  new RegistrationError(
    'IDP_REFUSED',
    `The client ${clientId} is suspended (${reply.excerpt}): nothing was changed, and its registration access token is as good as before. ` +
      `An administrator must find out why, and reactivate it: rekey agent reactivate ${clientId}. Then start again.`,
  )

export const clientGone = ({ clientId }: Whose): RegistrationError =>
  new RegistrationError(
    'CLIENT_GONE',
    `The identity provider no longer knows the client ${clientId}. An administrator must issue an initial access token ` +
      `(rekey dcr token create bff --client ${clientId}); start once with it as DCR_IAT, and the client is registered anew.`,
  )

/** @param why what makes a registration necessary */
export const iatMissing = (why: string, command: string): RegistrationError =>
  new RegistrationError(
    'IAT_MISSING',
    `${why}, and DCR_IAT is missing. An administrator must issue an initial access token (${command}); start once with it as DCR_IAT.`,
  )

export const iatRefused = (reply: Reply): RegistrationError =>
  new RegistrationError(
    'IAT_REFUSED',
    `The identity provider answered ${reply.status} to the initial access token in DCR_IAT (${reply.excerpt}): it is spent, expired, revoked or of another identity provider. ` +
      'An administrator must issue a new one (rekey dcr token create bff); start once with it as DCR_IAT.',
  )
