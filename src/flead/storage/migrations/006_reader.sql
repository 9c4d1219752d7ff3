-- A role for dashboards that can read and do nothing else: GRANT flead_read TO the dashboard's user. Where the owner
-- of this database may not create roles, its administrator does it: the tables grant to it only if it exists.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'flead_read') THEN
        CREATE ROLE flead_read NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN RAISE NOTICE 'no right to create the role flead_read';
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was migrated just now
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'flead_read') THEN
        GRANT USAGE ON SCHEMA public TO flead_read;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO flead_read;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO flead_read;
    END IF;
END
$$;
