import { basename, dirname, extname, join } from 'node:path'
import { baseUrlOf } from './base-url.ts'
import type { ClientOptions, GivenOptions } from './client-options.ts'
import { invalid } from './values.ts'

/** Fills in the defaults. @throws RegistrationError CONFIG_INVALID for what cannot work, by the name of its variable. */
export function complete(given: GivenOptions): ClientOptions {
  const options = { ...given, ...placeOf(given), ...rotationOf(given), ...manner(given) }
  if (!/^[A-Za-z0-9._~:-]{1,100}$/.test(options.kid)) {
    throw invalid(
      'BFF_KID',
      'is not 1 to 100 letters, digits and any of . _ ~ : - (without it, the name of the PEM counts).',
    )
  }
  if (options.credentials === options.signingKey)
    throw invalid('BFF_CLIENT_CRED_PATH', 'is the same file as DCR_SIGNING_KEY.')
  return options
}

function placeOf({ idpUrl: address, signingKey, kid, credentials, jwksUri, jwksFile }: GivenOptions) {
  const idpUrl = baseUrlOf(address)
  if (idpUrl === undefined)
    throw invalid('IDP_BASE_URL', 'is not an http or https URL without user, query and fragment.')
  const beside = (name: string) => join(dirname(signingKey), name)
  return {
    idpUrl,
    kid: kid ?? basename(signingKey, extname(signingKey)),
    credentials: credentials ?? beside('bff_client.json'),
    jwksFile: jwksFile ?? (jwksUri === undefined ? undefined : beside('jwks.json')),
  }
}

function rotationOf({ rotateAfterDays = 30, retireAfterDays, maxKeys = 3 }: GivenOptions) {
  if (rotateAfterDays < 0) throw invalid('BFF_JWK_ROTATE_AFTER_DAYS', 'is negative; 0 rotates now.')
  const retire = retireAfterDays ?? Math.max(60, 2 * rotateAfterDays)
  if (retire > 0 && retire <= rotateAfterDays) {
    throw invalid(
      'BFF_JWK_RETIRE_AFTER_DAYS',
      `is ${retire}, and BFF_JWK_ROTATE_AFTER_DAYS is ${rotateAfterDays}: keys would be dropped while they are in use. Set it to more than that, twice as much say, or to 0 for never.`,
    )
  }
  if (maxKeys === 1)
    throw invalid(
      'BFF_JWK_MAX_KEYS',
      'is 1, and a rotation publishes the new key beside the old one: at least 2, or 0 for no cap.',
    )
  return { rotateAfterDays, retireAfterDays: retire, maxKeys }
}

function manner(given: GivenOptions) {
  const { keyAlgorithm = 'RS256', redirectUris = [], redirectMode = 'auto', forceReplace = false } = given
  return { keyAlgorithm, redirectUris, redirectMode, forceReplace, allowFailure: given.allowFailure ?? false }
}
