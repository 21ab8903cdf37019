import { REDACTED } from './names.ts'

/** A credential that its issuer marks: what stands before the secret part and is left to be seen, and the secret part. */
export interface Prefix {
  readonly issuer: string
  readonly mark: string
  readonly secret: string
}

/** Only marks that are documented, with the lengths that their issuers give (or a little less, for what was cut off). */
export const PREFIXES: readonly Prefix[] = [
  {
    issuer: 'client secret, Stripe',
    mark: '(?<![A-Za-z0-9])[sr]k_(?:live|test)_',
    secret: '[A-Za-z0-9+/_-]{8,}={0,2}',
  },
  // Glued to a word it must look random: `disk_live_migration` is none.
  { issuer: 'client secret, Stripe', mark: '[sr]k_(?:live|test)_', secret: '[A-Za-z0-9]{24,}' },
  { issuer: 'webhook secret', mark: 'whsec_', secret: '[A-Za-z0-9+/_-]{8,}={0,2}' },
  { issuer: 'opaque token', mark: '(?<![A-Za-z0-9])rkt_', secret: '[A-Za-z0-9_-]{8,}' },
  { issuer: 'GitHub', mark: 'gh[pousr]_', secret: '[A-Za-z0-9_]{36,}' },
  { issuer: 'GitHub', mark: 'github_pat_', secret: '[A-Za-z0-9_]{60,}' },
  { issuer: 'GitLab', mark: 'gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-', secret: '[A-Za-z0-9_.-]{20,}' },
  { issuer: 'Slack', mark: 'xox[abceprs](?:\\.xox[abp])?-', secret: '\\d[A-Za-z0-9-]{9,}' },
  { issuer: 'Slack', mark: 'xapp-', secret: '\\d-[A-Za-z0-9-]{20,}' },
  { issuer: 'Slack', mark: 'hooks\\.slack\\.com/(?:services|workflows|triggers)/', secret: '[A-Za-z0-9/_-]{20,}' },
  { issuer: 'Google', mark: 'AIza', secret: '[A-Za-z0-9_-]{35,}' },
  { issuer: 'Google', mark: '(?<![A-Za-z0-9])ya29\\.', secret: '[A-Za-z0-9_-]{20,}' },
  { issuer: 'Google', mark: 'GOCSPX-', secret: '[A-Za-z0-9_-]{28,}' },
  { issuer: 'npm', mark: 'npm_', secret: '[A-Za-z0-9]{36,}' },
  { issuer: 'PyPI', mark: 'pypi-', secret: 'AgE[A-Za-z0-9_-]{50,}' },
  { issuer: 'Docker', mark: 'dckr_(?:pat|oat)_', secret: '[A-Za-z0-9_-]{27,}' },
  { issuer: 'OpenAI', mark: '(?<![A-Za-z0-9])sk-(?:proj|svcacct|admin)-', secret: '[A-Za-z0-9_-]{20,}' },
  { issuer: 'Anthropic', mark: '(?<![A-Za-z0-9])sk-ant-', secret: '[A-Za-z0-9_-]{20,}' },
  { issuer: 'OpenAI', mark: '(?<![A-Za-z0-9])sk-', secret: '[A-Za-z0-9]{32,}' },
  { issuer: 'Hugging Face', mark: '(?<![A-Za-z0-9])hf_', secret: '[A-Za-z0-9]{34,}' },
  { issuer: 'Vault', mark: '(?<![A-Za-z0-9])hv[sbr]\\.', secret: '[A-Za-z0-9_-]{24,}' },
  { issuer: 'SendGrid', mark: '(?<![A-Za-z0-9])SG\\.', secret: '[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43,}' },
  { issuer: 'DigitalOcean', mark: 'do[opr]_v1_', secret: '[a-f0-9]{64,}' },
  { issuer: 'age', mark: 'AGE-SECRET-KEY-1', secret: '[A-Z0-9]{58,}' },
  { issuer: 'one-time password app', mark: 'otpauth-migration://', secret: '[^\\s"\'<>]{8,}' },
  // The three characters before the mark are a part of the secret; they alone are of no use.
  { issuer: 'Microsoft Entra', mark: '\\dQ~', secret: '[A-Za-z0-9_~.-]{31,}' },
  { issuer: 'Azure shared access signature', mark: '(?<![A-Za-z0-9])sig=', secret: '[A-Za-z0-9%+/_-]{32,}={0,2}' },
]

/** Any of the marks; a text without one needs none of the patterns below. */
export const MARKS = PREFIXES.map(({ mark }) => mark).join('|')

const ANY_MARK = new RegExp(MARKS)
const PATTERNS = PREFIXES.map(({ mark, secret }) => new RegExp(`(${mark})${secret}`, 'g'))

/** Hides what follows a mark; the mark stays, because it tells whose credential has to be revoked. */
export function hideMarked(text: string): string {
  if (!ANY_MARK.test(text)) return text
  return PATTERNS.reduce((rest, pattern) => rest.replace(pattern, `$1${REDACTED}`), text)
}
