import { addressIn, isLoopback } from '@rekey/secrets'
import { ServiceError } from '../error.ts'

interface Given {
  REKEY_HOST: string
  REKEY_ALLOW_PLAINTEXT: boolean
  DATABASE_URL: string
  DATABASE_DIRECT_URL?: string | undefined
  DATABASE_OWNER_URL?: string | undefined
}

/**
 * Secrets go to nobody in plaintext, unless an operator says that the network itself is encrypted.
 *
 * @throws ServiceError `CONFIG_INVALID`
 */
export function requirePrivacy(given: Given): void {
  if (!isLoopback(given.REKEY_HOST) && !given.REKEY_ALLOW_PLAINTEXT) {
    throw new ServiceError(
      'CONFIG_INVALID',
      `REKEY_HOST=${given.REKEY_HOST} would carry secrets in plaintext beyond this machine; put TLS in front of it and say ` +
        'so by REKEY_ALLOW_PLAINTEXT=true',
    )
  }
  for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_OWNER_URL'] as const) {
    if (given[name] !== undefined && leaksBeyondLoopback(given[name]) && !given.REKEY_ALLOW_PLAINTEXT) {
      throw new ServiceError(
        'CONFIG_INVALID',
        `${name} would carry secrets in plaintext beyond this machine; add sslmode=verify-full to it, or say ` +
          'REKEY_ALLOW_PLAINTEXT=true where the network itself is encrypted',
      )
    }
  }
}

/** A socket in the file system has no host name. */
function leaksBeyondLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, searchParams } = new URL(url)
  return (
    hostname !== '' &&
    !isLoopback(addressIn(hostname)) &&
    !/^(require|verify-ca|verify-full)$/.test(searchParams.get('sslmode') ?? '')
  )
}
