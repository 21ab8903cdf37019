import { VerifyError } from '../../error.ts'
import type { BearerSecret } from '../../secrets/bearer.ts'
import { credentialsOf } from '../credentials.ts'
import { Problem } from './reply.ts'

function presented(authorization: string | undefined): string | undefined {
  try {
    const { scheme, token } = credentialsOf(authorization)
    return scheme === 'bearer' ? token : ''
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error
    return error.code === 'token_missing' ? undefined : ''
  }
}

/** Lets only those pass who know the secret. @throws {Problem} 401. */
export function assertAccess(secret: BearerSecret, authorization: string | undefined): void {
  const token = presented(authorization)
  if (token === undefined) {
    throw new Problem(401, 'token_missing', 'no bearer token was sent', { 'www-authenticate': 'Bearer' })
  }
  if (secret.matches(token)) return
  const challenge = 'Bearer error="invalid_token"'
  throw new Problem(401, 'token_invalid', 'the bearer token is not the right one', { 'www-authenticate': challenge })
}
