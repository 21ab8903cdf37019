import { errors, type Provider } from 'oidc-provider'
import { OAuthError } from '../error.ts'
import type { ClientMetadata } from '../registration/stored.ts'

/**
 * Reads it as the provider reads the metadata of a client, and tells what it made of it.
 *
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`
 */
export function validated(provider: Provider, metadata: ClientMetadata, defaults: ClientMetadata): ClientMetadata {
  const { client_secret: _, ...made } = readBy(provider, { client_secret: 'to-be-made', ...defaults, ...metadata })
  return made
}

function readBy(provider: Provider, metadata: Record<string, unknown>): Record<string, unknown> {
  // All that is judged of a client is judged here; to make one of it as well would take three times as long. Its types do not say so.
  const { Schema } = provider.Client as unknown as { Schema: new (metadata: object) => object }
  try {
    return { ...new Schema(metadata) }
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError) || !error.expose) throw error
    const code = error.error === 'invalid_redirect_uri' ? 'invalid_redirect_uri' : 'invalid_client_metadata'
    throw new OAuthError(code, error.error_description ?? 'the metadata is not accepted')
  }
}
