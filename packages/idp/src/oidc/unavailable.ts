import { errors } from 'oidc-provider'

/** What cannot be served at the moment (RFC 6749 §4.1.2.1), as the provider knows errors. Its cause says why. */
export class Unavailable extends errors.OIDCProviderError {
  constructor(cause: unknown) {
    super(503, 'temporarily_unavailable', { cause })
    this.error_description = 'this cannot be served at the moment; try again'
    // The provider takes every error of the 5xx for a mistake of its own, and hides it.
    this.expose = true
  }
}
