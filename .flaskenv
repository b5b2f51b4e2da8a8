FLASK_APP=cli:create_app
