import { createHmac, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'

const base64url = (min: number, max: number) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => Buffer.from(bytes).toString('base64url'))

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })

/** A secret as it may stand in a text, and the part of it that must not be seen again. */
export interface Planted {
  readonly text: string
  readonly secret: string
}

const whole = (text: string): Planted => ({ text, secret: text })

/** A real compact JWS over the given claims. */
export function compactJws(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${encode(claims)}`
  return `${input}.${createHmac('sha256', 'key').update(input).digest('base64url')}`
}

/** Secrets that can be told by their form alone. */
export const shapedSecret: fc.Arbitrary<Planted> = fc.oneof(
  fc.record({ sub: fc.string(), jti: fc.uuid() }).map((claims) => whole(compactJws(claims))),
  base64url(16, 32).map((body) => ({ text: `sk_live_${body}`, secret: body })),
  base64url(24, 32).map((body) => ({ text: `rkt_${body}`, secret: body })),
  fc
    .uint8Array({ minLength: 24, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes).toString('base64'))
    .map((body) => ({ text: `whsec_${body}`, secret: body })),
  base64url(9, 40).map((body) => ({ text: `Bearer ${body}`, secret: body })),
  fc
    .tuple(base64url(6, 12), base64url(12, 32))
    .map(([id, secret]) => Buffer.from(`${id}:${secret}`).toString('base64'))
    .map((body) => ({ text: `Basic ${body}`, secret: body })),
  base64url(9, 24).map((body) => ({ text: `postgres://rekey:x${body}@db.internal:5432/rekey`, secret: body })),
  base64url(9, 24).map((body) => ({ text: `client_secret=x${body}`, secret: body })),
  base64url(9, 24).map((body) => ({ text: `{"registration_access_token":"x${body}"}`, secret: body })),
  fc.constant({ text: String(PEM), secret: String(PEM).split('\n')[1] ?? '' }),
)

/** Names of members whose value is a secret whatever it looks like. */
export const secretName = fc.constantFrom(
  ...['password', 'clientSecret', 'client_secret', 'secret', 'token', 'access_token', 'refresh_token', 'id_token'],
  ...['registration_access_token', 'privateKey', 'Authorization', 'cookie', 'set-cookie', 'x-api-key', 'API_KEY'],
  ...['signingSecret', 'passphrase', 'client_assertion', 'rootKey', 'codeVerifier', 'PGPASSWORD'],
)

/** Values without a form of their own: only the name beside them tells that they are secret. */
export const plainSecret = base64url(9, 24).map((body) => `~${body}~`)
