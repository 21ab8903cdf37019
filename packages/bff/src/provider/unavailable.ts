import { BffError } from '../error.ts'
import type { ProviderFailure } from './authenticated.ts'
import type { Parts } from './parts.ts'

/** What went wrong is for the log; whoever asked is told to come again. */
export function unavailable({ log }: Pick<Parts, 'log'>, error: unknown): BffError {
  if (error instanceof BffError) return error
  log.warn({ err: (error as ProviderFailure).cause ?? error }, 'the identity provider could not be used')
  return new BffError('IDP_UNAVAILABLE', 'the identity provider cannot be used at the moment', { cause: error })
}

/** @throws BffError `IDP_UNAVAILABLE` while this client is not registered */
export function registeredClientId({ credentials }: Pick<Parts, 'credentials'>): string {
  const clientId = credentials.clientId()
  if (clientId === undefined) {
    throw new BffError('IDP_UNAVAILABLE', 'this client is not registered at the identity provider yet')
  }
  return clientId
}
