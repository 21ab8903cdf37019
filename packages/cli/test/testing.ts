/** APIs that an estate does not start, for tests of other packages too. */
export { cachingApi } from './break-glass/caching-api.ts'
export { pollingApi } from './runbooks/polling-api.ts'
