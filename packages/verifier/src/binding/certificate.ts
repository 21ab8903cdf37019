import { createHash } from 'node:crypto'
import { VerifyError } from '../error.ts'
import type { PresentedRequest } from './request.ts'

const DER = /^(:?)([A-Za-z0-9+/]+={0,2})\1$/
const PEM = /^-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch (cause) {
    throw new VerifyError('certificate_missing', { detail: 'the field of the proxy cannot be read', cause })
  }
}

/** RFC 9440 §2.1 writes `:base64:`, HAProxy the base64 alone, and nginx percent-encoded PEM. */
function fromProxy(value: string | undefined): Uint8Array | undefined {
  if (value === undefined || value === '') return undefined
  const base64 = DER.exec(value)?.[2] ?? PEM.exec(unescaped(value))?.[1]
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  throw new VerifyError('certificate_missing', { detail: 'the field of the proxy cannot be read' })
}

/**
 * Holds the certificate of a request against `cnf["x5t#S256"]` (RFC 8705 §3). Where a proxy ends TLS, the certificate
 * of the connection, if any, is the proxy's own: `proxyHeader` then replaces it and is never mixed with it.
 */
export function checkCertificate(request: PresentedRequest, x5tS256: string, proxyHeader: string | undefined): void {
  const der = proxyHeader === undefined ? request.certificate : fromProxy(request.header(proxyHeader))
  if (der === undefined || der.length === 0) throw new VerifyError('certificate_missing')
  if (createHash('sha256').update(der).digest('base64url') !== x5tS256) throw new VerifyError('certificate_mismatch')
}
