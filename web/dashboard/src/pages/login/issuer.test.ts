import { expect, it } from 'vitest'
import { refusalOf, throughIssuer } from './issuer'

it('leads back to the page that was wanted, in the form that the server takes', () => {
  expect(throughIssuer('isr_1', undefined)).toBe('/v1/login/oidc/isr_1')
  expect(throughIssuer('isr_1', '/o/acme/settings?tab=issuers')).toBe('/v1/login/oidc/isr_1?return_to=%2Fo%2Facme%2Fsettings')
  expect(throughIssuer('isr_1', '/device?user_code=BCDF-GHJK')).toBe('/v1/login/oidc/isr_1?return_to=%2Fdevice%3Fuser_code%3DBCDF-GHJK')
})

it('says what to do, also of what it does not know', () => {
  expect(refusalOf('login_denied').detail).toMatch(/ask whoever/)
  expect(refusalOf('brand_new')).toMatchObject({ code: 'brand_new', detail: expect.stringMatching(/Log in again/) })
})
