@echo off
rem In containers where Docker answers, else the embedded pipeline in WSL.
cd /d "%~dp0"
docker info >nul 2>&1 || (wsl make run & pause & exit /b)
docker compose --project-name flead --file deploy/compose.yaml up --build --detach --wait && (
    echo viewer   http://127.0.0.1:8082, Kafka UI http://127.0.0.1:8081, Grafana http://127.0.0.1:3001
    echo Flink    http://127.0.0.1:8161, database 127.0.0.1:5432
)
pause
