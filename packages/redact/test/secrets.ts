import { createHmac, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'

/** A secret as it may stand in a text, and the pieces of it of which none may be seen again. */
export interface Planted {
  readonly text: string
  readonly parts: readonly string[]
}

const bytesAs = (encoding: 'base64' | 'base64url' | 'hex', min: number, max = min) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => Buffer.from(bytes).toString(encoding))

const base64url = (min: number, max: number) => bytesAs('base64url', min, max)

const PEM = String(
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
)

// Pieces of eight: a secret that is hidden but for its end has not been hidden.
const piecesOf = (secret: string): string[] => {
  const pieces = secret.match(/[A-Za-z0-9+/_-]{8}/g) ?? []
  return pieces.length > 0 ? pieces : [secret]
}
const whole = (text: string): Planted => ({ text, parts: piecesOf(text) })
const after = (before: string, secret: string, then = ''): Planted => ({
  text: `${before}${secret}${then}`,
  parts: piecesOf(secret),
})

/** A real compact JWS over the given claims. */
export function compactJws(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${encode(claims)}`
  return `${input}.${createHmac('sha256', 'key').update(input).digest('base64url')}`
}

const characters = (alphabet: string, length: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length }).map((picked) => picked.join(''))

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const ALNUM = `${UPPER}${UPPER.toLowerCase()}0123456789`
const alnum = (length: number) => characters(ALNUM, length)

/** Credentials that their issuers mark: the mark, and what follows it, in two so that no scanner takes this for a leak. */
export const MARKED: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  ['sk_live_', bytesAs('hex', 32)],
  ['sk_test_', alnum(24)],
  ['rk_live_', alnum(24)],
  ['whsec_', bytesAs('base64', 24, 32)],
  ['rkt_', bytesAs('base64url', 32)],
  ['ghp_', alnum(36)],
  ['ghs_', alnum(36)],
  ['github_pat_', fc.tuple(alnum(22), alnum(59)).map(([a, b]) => `${a}_${b}`)],
  ['glpat-', alnum(20)],
  ['gldt-', alnum(20)],
  ['xoxb-', alnum(24).map((body) => `123456789012-${body}`)],
  ['xoxe.xoxp-', alnum(24).map((body) => `1-${body}`)],
  ['xapp-', alnum(24).map((body) => `1-A0-${body}`)],
  ['hooks.slack.com/services/', alnum(24).map((body) => `T0/B0/${body}`)],
  ['AIza', bytesAs('base64url', 27).map((body) => body.slice(0, 35))],
  ['ya29.', base64url(30, 90)],
  ['GOCSPX-', bytesAs('base64url', 21)],
  ['npm_', alnum(36)],
  ['pypi-', base64url(60, 90).map((body) => `AgE${body}`)],
  ['dckr_pat_', bytesAs('base64url', 21).map((body) => body.slice(0, 27))],
  ['sk-proj-', base64url(36, 60)],
  ['sk-ant-', base64url(60, 70).map((body) => `api03-${body}`)],
  ['sk-', alnum(48)],
  ['hf_', alnum(34)],
  ['hvs.', base64url(18, 70)],
  ['SG.', fc.tuple(bytesAs('base64url', 16), bytesAs('base64url', 32)).map(([a, b]) => `${a}.${b}`)],
  ['dop_v1_', bytesAs('hex', 32)],
  ['AGE-SECRET-KEY-1', characters('QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L', 58)],
  ['otpauth-migration://', bytesAs('base64url', 30).map((body) => `offline?data=${body}`)],
  ['abc8Q~', alnum(34)],
]

const base64 = (min: number, max: number) => bytesAs('base64', min, max)

/** Secrets that can be told by their form alone, and by what stands directly beside them. */
export const shapedSecret: fc.Arbitrary<Planted> = fc.oneof(
  fc.record({ sub: fc.string(), jti: fc.uuid() }).map((claims) => whole(compactJws(claims))),
  fc
    .tuple(fc.constantFrom(...MARKED).chain(([mark, body]) => body.map((secret) => after(mark, secret))))
    .map(([p]) => p),
  base64url(9, 40).map((body) => after('Bearer ', body)),
  base64url(9, 40).map((body) => after('DPoP ', body)),
  fc
    .tuple(base64url(6, 12), base64url(12, 32))
    .map(([id, secret]) => after('Basic ', Buffer.from(`${id}:${secret}`).toString('base64'))),
  base64url(9, 24).map((body) => after('postgres://rekey:x', body, '@db.internal:5432/rekey')),
  base64url(9, 24).map((body) => after('client_secret=x', body)),
  base64url(9, 24).map((body) => after('{"registration_access_token":"x', body, '"}')),
  base64url(24, 32).map((body) => after('{"kty":"EC","d":"', body, '"}')),
  base64(30, 30).map((body) => after(`${'AKIA'}ABCDEFGHIJKLMNOP, `, body)),
  base64(64, 64).map((body) =>
    after('DefaultEndpointsProtocol=https;AccountName=a;AccountKey=', body, ';EndpointSuffix=s'),
  ),
  base64(32, 32).map((body) => after('SharedAccessSignature sr=a&sig=', encodeURIComponent(body), '&se=1')),
  base64url(20, 20).map((body) => after('otpauth://totp/a:b?secret=', body, '&issuer=a')),
  fc.constant({ text: PEM, parts: PEM.split('\n').slice(1, -2).flatMap(piecesOf) }),
  fc.constant({ text: Buffer.from(PEM).toString('base64'), parts: piecesOf(Buffer.from(PEM).toString('base64')) }),
)

/** Names of members whose value is a secret whatever it looks like. */
export const secretName = fc.constantFrom(
  ...['password', 'clientSecret', 'client_secret', 'secret', 'token', 'access_token', 'refresh_token', 'id_token'],
  ...['registration_access_token', 'privateKey', 'Authorization', 'cookie', 'set-cookie', 'x-api-key', 'API_KEY'],
  ...['signingSecret', 'passphrase', 'client_assertion', 'rootKey', 'codeVerifier', 'PGPASSWORD', 'pass', 'otp', 'jwt'],
  ...[
    'sessionId',
    'device_code',
    'id_token_hint',
    'accountKey',
    'user[password]',
    'spring.datasource.password',
    'secrets',
  ],
)

// A piece cannot be mistaken for a word, and stays what it is in JSON and in percent-encoding.
const piece = bytesAs('hex', 5).map((hex) => `Zq${hex}`)

const joined = (between: fc.Arbitrary<string>) =>
  fc.array(fc.tuple(piece, between), { minLength: 1, maxLength: 3 }).map((pairs) => ({
    text: pairs.map(([part, sign], i) => (i === 0 ? part : sign + part)).join(''),
    parts: pairs.map(([part]) => part),
  }))

/** Values without a form of their own: only the name beside them tells that they are secret. */
export const plainSecret: fc.Arbitrary<Planted> = joined(
  fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('"', '\\', '\\"', "'", '}', ']', '{', '\n', '; ', '&', '%22')),
)

/** The same, of characters that may stand in a text without quotes. */
export const bareSecret: fc.Arbitrary<Planted> = joined(
  fc.constantFrom(
    '',
    '-',
    '.',
    '_',
    '~',
    '+',
    '/',
    '!',
    '$',
    '*',
    '|',
    '^',
    '@',
    '%',
    ';',
    ',',
    ')',
    '}',
    '<',
    '#',
    '?',
  ),
)

/** Whether any piece can be seen, also where it was percent-encoded. */
export function leaks(seen: string, { parts }: Pick<Planted, 'parts'>): boolean {
  return parts.some((part) => seen.includes(part))
}
