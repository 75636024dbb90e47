import { NOBODY, RESIDENT } from './session.js';

/** Who one is in this tab: always in sight, and changed at once. */
export function Identity({ user, users, carried, known, language, t, onChoose, disabled }) {
  const roles = Map.groupBy(users, (one) => one.roleName[language]);
  const resident = carried.secret ? `${t('residentOf')} · ${carried.trackingCode}` : t('residentLater');
  const time = known && new Date(known.expires).toLocaleTimeString(language === 'zh' ? 'zh-CN' : 'en-GB', { hour: '2-digit', minute: '2-digit' });
  return (
    <div class="identity">
      <label>
        {t('iAm')}{' '}
        <select value={user} disabled={disabled} onChange={(event) => onChoose(event.currentTarget.value)}>
          <option value={NOBODY}>{t('nobody')}</option>
          <option value={RESIDENT} disabled={!carried.secret}>
            {resident}
          </option>
          {[...roles].map(([role, of]) => (
            <optgroup key={role} label={role}>
              {of.map((one) => (
                <option key={one.id} value={one.id}>
                  {[role, one.name[language]].filter(Boolean).join(' · ')}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      <small>{user === NOBODY ? t('noToken') : known ? `${t('tokenUntil')} ${time}` : t('tokenAtFirst')}</small>
    </div>
  );
}

/** What earlier answers left for later operations. */
export function PetitionInHand({ carried, t, onForget }) {
  return (
    <div class="in-hand">
      <span>{t('inHand')}</span> {carried.trackingCode ? <code>{carried.trackingCode}</code> : <small>{t('inHandNone')}</small>}
      {carried.trackingCode && (
        <button class="quiet" onClick={onForget}>
          {t('forget')}
        </button>
      )}
    </div>
  );
}
