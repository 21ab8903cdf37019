import { generateKeyPairSync, sign } from 'node:crypto'

/** A self-signed certificate, as TLS wants it, and in the form that is hashed for a token. */
export interface Certificate {
  readonly key: string
  readonly cert: string
  readonly der: Buffer
}

const SEQUENCE = 0x30

/** ASN.1 DER: tag, length, contents. */
function der(tag: number, ...contents: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(contents.map((one) => (typeof one === 'string' ? Buffer.from(one, 'hex') : one)))
  const { length } = content
  const short = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...short]), content])
}

const ECDSA_WITH_SHA256 = der(SEQUENCE, der(0x06, '2a8648ce3d040302'))
const LOCALHOST = der(SEQUENCE, der(0x31, der(SEQUENCE, der(0x06, '550403'), der(0x0c, Buffer.from('localhost')))))
const VALIDITY = der(SEQUENCE, der(0x17, Buffer.from('200101000000Z')), der(0x18, Buffer.from('20991231235959Z')))

/** RFC 5280 §4.1, with nothing in it that is not needed to shake hands. */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const body = der(SEQUENCE, der(0x02, '01'), ECDSA_WITH_SHA256, LOCALHOST, VALIDITY, LOCALHOST, spki)
  const signature = sign('sha256', body, privateKey)
  const whole = der(SEQUENCE, body, ECDSA_WITH_SHA256, der(0x03, '00', signature))
  const base64 = whole.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    der: whole,
  }
}
