import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { Answer } from './answer.jsx';
import { filled, keep, keptBefore, missing, remembering } from './carried.js';
import { Documentation } from './documentation.jsx';
import { Editor } from './editor.jsx';
import { Identity, PetitionInHand } from './identity.jsx';
import { ask, follow, headersOf, operationIn } from './requests.js';
import { NOBODY, Refusal, createSession } from './session.js';
import { LANGUAGES, firstLanguage, told, wordsOf } from './words.js';

const MOST_ENTRIES = 500; // of a live view: who wants more has the cursor
const EMPTY = { document: '', variables: '{}', revision: 0, user: NOBODY, ready: undefined, name: undefined, answer: undefined };
let lastTab = 0;
const newTab = (of) => ({ ...EMPTY, key: ++lastTab, ...of });

/** What is read once: who one can be, the ready operations, and the schema as the gateway tells it. */
async function readAtStart() {
  const [users, operations, told] = await Promise.all([json('/console/users'), json('/console/operations'), ask({ query: getIntrospectionQuery() }, {})]);
  return { users, operations, schema: buildClientSchema(told.answer.data) };
}

const json = async (path) => (await fetch(path)).json();

function Console() {
  const [language, setLanguage] = useState(firstLanguage);
  const [{ users, operations, schema }, setRead] = useState({ users: [], operations: [] });
  const [tabs, setTabs] = useState(() => [newTab()]);
  const [active, setActive] = useState(() => tabs[0].key);
  const [carried, setCarried] = useState(keptBefore);
  const [side, setSide] = useState('operations');
  const [path, setPath] = useState([]);
  const [lower, setLower] = useState('variables');
  const session = useMemo(createSession, []);
  const latest = useRef();
  const t = wordsOf(language);
  const tab = tabs.find((one) => one.key === active);
  latest.current = { carried, language, run };

  useEffect(() => {
    readAtStart().then((read) => {
      setRead(read);
      openReady(read.operations[0]);
    });
  }, []);
  useEffect(() => keep(carried), [carried]);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    document.title = t('title');
    localStorage.setItem('language', language);
  }, [language]);

  const change = (key, of) => setTabs((all) => all.map((one) => (one.key === key ? { ...one, ...(typeof of === 'function' ? of(one) : of) } : one)));

  /** Put another text into a tab's editors. */
  const write = (key, of) => change(key, (one) => ({ ...of, revision: one.revision + 1 }));

  function speak(chosen) {
    setLanguage(chosen);
    setTabs((all) => all.map((one) => (one.ready && one.document === told(one.ready.document, language) ? { ...one, document: told(one.ready.document, chosen), revision: one.revision + 1 } : one)));
  }

  function openReady(ready) {
    const of = { document: told(ready.document, language), variables: filled(written(ready.variables), carried, language), user: ready.role, ready };
    const there = tabs.find((one) => one.ready?.id === ready.id) ?? tabs.find((one) => !one.ready && !one.document);
    if (there?.running) return setActive(there.key);
    if (there) {
      write(there.key, { ...of, answer: there.ready ? there.answer : undefined });
      return setActive(there.key);
    }
    const made = newTab(of);
    setTabs((all) => [...all, made]);
    setActive(made.key);
  }

  function closeTab(key) {
    tabs.find((one) => one.key === key).running?.stop?.();
    const left = tabs.filter((one) => one.key !== key);
    const remain = left.length ? left : [newTab()];
    setTabs(remain);
    if (key === active) setActive(remain.at(-1).key);
  }

  async function headersFor({ user }) {
    const { carried, language } = latest.current;
    const token = (await session.tokenOf(user, carried))?.token;
    setCarried((now) => ({ ...now })); // the page shows the token that there is now
    return headersOf({ token, language, position: carried.position });
  }

  async function run() {
    if (tab.running) return;
    const variables = filled(tab.variables, carried, language);
    let given;
    try {
      given = JSON.parse(variables || '{}');
    } catch {
      return change(tab.key, { answer: { complaint: t('badVariables') } });
    }
    const needs = missing(variables);
    if (needs.length) return write(tab.key, { variables, answer: { complaint: `${t('needs')} ${needs.map((name) => `$${name}`).join(', ')}` } });
    const operation = operationIn(tab.document);
    if (operation?.isSubscription) return subscribe({ query: tab.document, variables: given, operation }, variables);
    write(tab.key, { variables, running: {}, answer: undefined });
    const said = await asked({ query: tab.document, variables: given, operationName: operation?.name });
    if (said.answer) setCarried((now) => remembering(now, said.answer.data, tab.ready?.remembers));
    change(tab.key, { running: undefined, answer: said });
  }

  async function asked(body, again = true) {
    try {
      const said = await ask(body, await headersFor(tab));
      if (again && said.status === 401 && tab.user !== NOBODY) {
        session.forget(tab.user, carried);
        return asked(body, false);
      }
      return said;
    } catch (error) {
      return error instanceof Refusal ? { answer: { errors: error.errors } } : { complaint: t('noAnswer') };
    }
  }

  function subscribe(of, variables) {
    const { key, user } = tab;
    const refused = () => session.forget(user, latest.current.carried);
    const say = ({ state, entry, errors }) =>
      change(key, (one) => {
        if (errors) return { running: undefined, answer: { entries: one.answer.entries.length ? one.answer.entries : undefined, answer: { errors } } };
        if (entry) return { answer: { ...one.answer, entries: [...one.answer.entries, { at: new Date(), entry }].slice(-MOST_ENTRIES) } };
        return { running: state === 'ended' ? undefined : one.running, answer: { ...one.answer, state } };
      });
    write(key, { variables, answer: { entries: [], state: 'connecting' } });
    change(key, { running: follow(of, { headers: () => headersFor(tab), refused }, say) });
  }

  const show = (type, field) => (setPath([{ type, field }]), setSide('documentation'));
  const headers = headersOf({ token: session.known(tab.user, carried)?.token, language, position: carried.position });

  return (
    <>
      <header class="bar">
        <h1>
          <img src="/console/icon.svg" alt="" /> {t('title')}
        </h1>
        <Identity user={tab.user} users={users} carried={carried} known={session.known(tab.user, carried)} language={language} t={t} onChoose={(user) => change(tab.key, { user })} disabled={Boolean(tab.running)} />
        <PetitionInHand carried={carried} t={t} onForget={() => setCarried({})} />
        <div class="languages" role="group" aria-label={t('language')}>
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <button key={code} lang={code} aria-pressed={code === language} onClick={() => speak(code)}>
              {name}
            </button>
          ))}
        </div>
      </header>
      <aside class="side" aria-label={t('leftPanel')}>
        <Choice names={['operations', 'documentation']} chosen={side} onChoose={setSide} t={t} />
        {side === 'operations' ? <Operations operations={operations} users={users} chosen={tab.ready?.id} language={language} t={t} onOpen={openReady} /> : <Documentation schema={schema} path={path} onPath={setPath} t={t} />}
      </aside>
      <main class="work">
        <nav class="tabs" role="tablist" aria-label={t('openTabs')}>
          {tabs.map((one) => (
            <span key={one.key} role="presentation" class={one.key === active ? 'tab chosen' : 'tab'} ref={(element) => one.key === active && element?.scrollIntoView({ block: 'nearest', inline: 'nearest' })}>
              <button role="tab" aria-selected={one.key === active} onClick={() => setActive(one.key)}>
                {one.running?.stop && <i class="live" />}
                {one.ready ? one.ready.title[language] : (operationIn(one.document)?.name ?? t('untitled'))}
              </button>
              <button class="close" aria-label={`${t('close')}: ${one.ready?.title[language] ?? t('untitled')}`} onClick={() => closeTab(one.key)}>
                ×
              </button>
            </span>
          ))}
          <button
            class="new"
            aria-label={t('newTab')}
            onClick={() => {
              const made = newTab({ user: tab.user });
              setTabs([...tabs, made]);
              setActive(made.key);
            }}
          >
            +
          </button>
        </nav>
        <section class="asking">
          <div class="run">
            {tab.running?.stop ? (
              <button class="primary stop" onClick={() => tab.running.stop()}>
                {t('stop')}
              </button>
            ) : (
              <button class="primary" disabled={Boolean(tab.running)} onClick={run} title={t('runHint')}>
                ▶ {t('run')}
              </button>
            )}
            <kbd>{t('runHint')}</kbd>
          </div>
          <Editor key={`query ${tab.key}`} value={tab.document} revision={tab.revision} language="graphql" label={t('query')} schema={schema} onChange={(document) => change(tab.key, { document })} onRun={() => latest.current.run()} onShow={(type, field) => show(String(type), field && String(field))} />
          <Choice names={['variables', 'headers']} chosen={lower} onChoose={setLower} t={t} />
          {lower === 'variables' ? (
            <Editor key={`variables ${tab.key}`} value={tab.variables} revision={tab.revision} language="json" label={t('variables')} onChange={(variables) => change(tab.key, { variables })} onRun={() => latest.current.run()} />
          ) : (
            <Headers headers={headers} t={t} />
          )}
        </section>
        <Answer key={tab.key} said={tab.answer} running={Boolean(tab.running)} language={language} t={t} />
      </main>
    </>
  );
}

const written = (variables = {}) => JSON.stringify(variables, undefined, 2);

function Choice({ names, chosen, onChoose, t }) {
  return (
    <div class="choice" role="tablist">
      {names.map((name) => (
        <button key={name} role="tab" aria-selected={name === chosen} onClick={() => onChoose(name)}>
          {t(name)}
        </button>
      ))}
    </div>
  );
}

function Operations({ operations, users, chosen, language, t, onOpen }) {
  const whom = (id) => (id === NOBODY ? t('nobody') : id === 'resident' ? t('residentOf') : (users.find((user) => user.id === id)?.roleName[language] ?? id));
  return (
    <ol class="operations">
      {operations.map((ready) => (
        <li key={ready.id}>
          <button aria-current={ready.id === chosen} onClick={() => onOpen(ready)}>
            <b>{ready.title[language]}</b>
            <small>{whom(ready.role)}</small>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Headers({ headers, t }) {
  return (
    <div class="headers">
      <p class="quiet">{t('headersSent')}</p>
      <dl>
        {Object.entries(headers).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value.length > 60 ? `${value.slice(0, 44)}…` : value}</dd>
            {name === 'Read-After' && <dd class="quiet">{t('readAfterWhy')}</dd>}
          </div>
        ))}
      </dl>
    </div>
  );
}

render(<Console />, document.getElementById('console'));
