import { useEffect, useRef } from 'preact/hooks';

import { Editor } from './editor.jsx';

const pretty = (value) => JSON.stringify(value, undefined, 2);

/** What came of the last run: refusals in words first, then the answer as it is, or a subscription's entries as they come. */
export function Answer({ said, running, language, t }) {
  return (
    <section class="answer" aria-label={t('answer')} aria-live="polite" aria-busy={running && !said?.entries}>
      <div class="status">
        <h2>{t('answer')}</h2>
        <Status said={said} running={running} t={t} />
      </div>
      {said?.complaint && (
        <p class="refusal" role="alert">
          {said.complaint}
        </p>
      )}
      {said?.answer?.errors?.map((error, index) => (
        <Refused key={index} error={error} t={t} />
      ))}
      {said?.entries ? <Entries entries={said.entries} language={language} t={t} /> : said?.answer ? <Editor value={pretty(said.answer)} revision={said.answer} language="json" label={t('answer')} readOnly /> : !said && !running && <p class="quiet">{t('nothingYet')}</p>}
    </section>
  );
}

function Status({ said, running, t }) {
  if (said?.entries) {
    const states = { connecting: 'connecting', live: 'live', again: 'again', ended: 'ended' };
    return (
      <span class={`state ${said.state}`}>
        {said.state && t(states[said.state])} · {t('received')} {said.entries.length}
      </span>
    );
  }
  if (running) return <span class="state">{t('running')}</span>;
  return said?.status ? (
    <span class="state">
      HTTP {said.status} · {said.took} ms
    </span>
  ) : null;
}

function Refused({ error, t }) {
  const { code, field, state, allowed } = error.extensions ?? {};
  const more = [field && `field: ${field}`, state && `state: ${state}`, allowed && `allowed: ${[].concat(allowed).join(', ')}`].filter(Boolean).join(' · ');
  return (
    <p class="refusal" role="alert">
      <b>{code}</b> {code && t(code)}
      <br />
      {error.path && <code>{error.path.join('.')}</code>} {error.message} {more && <small>{more}</small>}
    </p>
  );
}

function Entries({ entries, language, t }) {
  const end = useRef();
  useEffect(() => end.current?.scrollIntoView({ block: 'nearest' }), [entries.length]);
  if (!entries.length) return <p class="quiet">{t('waiting')}</p>;
  return (
    <ol class="entries">
      {entries.map(({ at, entry }, index) => (
        <li key={index} ref={index === entries.length - 1 ? end : undefined}>
          <time>{at.toLocaleTimeString(language === 'zh' ? 'zh-CN' : 'en-GB')}</time>
          <pre>{pretty(entry.errors ? entry : Object.values(entry.data)[0])}</pre>
        </li>
      ))}
    </ol>
  );
}
